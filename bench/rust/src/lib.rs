//! Shared by the programs of the benchmark: running a subject through the columns, and filling databases.

#![allow(clippy::missing_errors_doc, reason = "every error ends the program and is printed")]

pub mod columns;
pub mod curves;
pub mod fill;
pub mod shuffle;
pub mod subject;
pub mod time;

/// Any error ends the program.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
