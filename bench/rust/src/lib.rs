//! What the programs of the bench share: how a subject is driven through the columns, and how places are filled.

#![allow(clippy::missing_errors_doc, reason = "every error ends the program and is printed")]

pub mod columns;
pub mod curves;
pub mod fill;
pub mod shuffle;
pub mod subject;
pub mod time;

/// Whatever went wrong ends the program.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
