//! What describes a type to those who generate code and documents from the table.

#[cfg(feature = "schema")]
pub(super) mod bounds;

/// A JSON schema (draft 2020-12), where the feature `schema` is on; otherwise nothing.
#[cfg(feature = "schema")]
pub use schemars::JsonSchema as Schema;

/// A JSON schema (draft 2020-12), where the feature `schema` is on; otherwise nothing.
#[cfg(not(feature = "schema"))]
pub trait Schema {}

#[cfg(not(feature = "schema"))]
impl<T> Schema for T {}
