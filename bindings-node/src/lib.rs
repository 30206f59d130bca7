//! The native addon of Gatekeeper for Node: the key manager and the core as native classes, private to the TypeScript
//! façade in `ts/`. It has no domain logic, starts no thread and no runtime: calls that wait for the disk or a server
//! run in the core.

#![allow(clippy::needless_pass_by_value, reason = "Node-API passes arguments by value")]
#![allow(missing_debug_implementations, reason = "the classes are those of JavaScript")]

mod convert;
mod core;
mod error;
mod hot;
mod job;
mod key_manager;
mod verify;

use gatekeeper::ErrorKind;
use napi_derive::napi;
use serde_json::json;

/// Runs one case of the language-neutral test vectors, from JSON to JSON. For tests.
///
/// # Errors
/// `bad_request` for a malformed case.
#[napi(catch_unwind)]
pub fn run_vector(json: String) -> napi::Result<String> {
    gatekeeper::internal::run_vector(&json).map_err(error::to_napi)
}

/// Runs the command line on this thread and returns its exit code. The first argument is the program's name.
#[cfg(feature = "cli")]
#[napi(catch_unwind)]
#[must_use]
pub fn cli(arguments: Vec<String>) -> u8 {
    gatekeeper_server::cli::run(arguments.into_iter().map(Into::into))
}

/// The name of the folder with this addon's TypeScript declarations. For the build.
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
