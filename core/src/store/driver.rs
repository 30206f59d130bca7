//! The database engine, behind a few methods.
//!
//! The statements of the store are written once, against [`Rows`] (`one`, `all`, `within`, `value`) and [`Tx`] (`run`).
//! Only this module knows an engine: its connections, its transactions, the types that a statement binds and reads, and
//! its errors. SQLite is the only engine so far. Another one provides a [`Store`] with the same methods, a `Session` that
//! runs statements, a [`Row`] and an [`Error`]. `store::conformance` tests what an engine has to do.

mod failure;
mod rows;
mod sqlite;
mod value;

pub(crate) use failure::Failure;
pub(crate) use rows::{Rows, Tx};
use sqlite::Session;
#[cfg(test)]
pub(super) use sqlite::plan;
pub(crate) use sqlite::{Error, Row, Store};
pub(super) use value::{ChangeNumber, Value, params, to_value};
use value::{Field, FromField};
