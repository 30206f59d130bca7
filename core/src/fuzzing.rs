//! The functions that only the fuzz targets call. `cargo fuzz` compiles them, with `--cfg fuzzing`.

use serde_json::{Map, Value};

use crate::error::Result;
use crate::operation::{OperationDescriptor, Request};

pub use crate::window::fuzzing::{loaded_window, window};

/// Decodes a request of an operation, and returns its fields as a client sends them to a server.
///
/// # Errors
/// `bad_request` if it is not a request of the operation.
pub fn decode(operation: &OperationDescriptor, request: Request<'_>) -> Result<Map<String, Value>> {
    operation.fields(request)
}
