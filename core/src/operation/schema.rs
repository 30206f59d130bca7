//! JSON schemas of requests and responses, from which SDKs and documents are generated.

#[cfg(feature = "schema")]
pub(super) mod bounds;

/// A JSON schema (draft 2020-12) with the feature `schema`; without it, an empty marker trait.
#[cfg(feature = "schema")]
pub use schemars::JsonSchema as Schema;

/// A JSON schema (draft 2020-12) with the feature `schema`; without it, an empty marker trait.
#[cfg(not(feature = "schema"))]
pub trait Schema {}

#[cfg(not(feature = "schema"))]
impl<T> Schema for T {}
