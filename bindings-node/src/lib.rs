//! Gatekeeper for Node: the core's key manager and core as native classes. No domain logic, no thread and no runtime of its
//! own: what waits for the disk or for a server waits in the core. Private to the TypeScript façade beside it.

#![allow(clippy::needless_pass_by_value, reason = "Node-API hands its arguments over")]

mod convert;
mod core;
mod error;
mod hot;
mod job;
mod key_manager;

use gatekeeper::ErrorKind;
use napi_derive::napi;
use serde_json::json;

/// Answers one language-neutral test case, JSON in and JSON out. For tests.
///
/// # Errors
/// `bad_request` for a case that is not one.
#[napi(catch_unwind)]
pub fn run_vector(json: String) -> napi::Result<String> {
    gatekeeper::run_vector(&json).map_err(error::to_napi)
}

/// Runs the command line with these arguments, of which the first is the program's name; gives the exit code. It runs on
/// this thread, until it is done.
#[cfg(feature = "cli")]
#[napi(catch_unwind)]
#[must_use]
pub fn cli(arguments: Vec<String>) -> u8 {
    gatekeeper_server::cli::run(arguments.into_iter().map(Into::into))
}

/// The folder with the declarations of this addon, among those that its sources have had. For the build.
#[napi(skip_typescript)]
#[must_use]
pub fn declarations() -> &'static str {
    env!("GATEKEEPER_DECLARATIONS")
}

/// The core's table of errors as JSON: `[{code, status, keyManager}]`. For tests.
#[napi(catch_unwind)]
#[must_use]
pub fn error_table() -> String {
    let row = |kind: &ErrorKind| json!({ "code": kind.code(), "status": kind.status(), "keyManager": kind.key_manager() });
    ErrorKind::ALL.iter().map(row).collect::<serde_json::Value>().to_string()
}
