//! Runs an operation where it blocks no other request.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Access, OperationDescriptor, Result, UnknownFields};

use super::app::App;

/// Runs the operation: immediately if it does not block, otherwise in a blocking pool.
pub(crate) async fn call(
    app: &App,
    caller: Gatekeeper,
    descriptor: &'static OperationDescriptor,
    json: String,
    texts: Vec<(String, String)>,
) -> Result<String> {
    // The key manager's API has always ignored unknown fields.
    let unknown_fields = if descriptor.access == Access::KeyManager {
        UnknownFields::Ignored
    } else {
        UnknownFields::Rejected
    };
    let request = gatekeeper::Request { json: &json, texts: &texts, unknown_fields };
    if let Some(response) = caller.try_dispatch(descriptor, request)? {
        return Ok(response);
    }
    let pool = if descriptor.looks_up_key { &app.lookups } else { &app.work };
    let work = move || {
        let request = gatekeeper::Request { json: &json, texts: &texts, unknown_fields };
        caller.dispatch(descriptor, request)
    };
    // Boxed, so that a call that does not block does not carry the larger future.
    Box::pin(pool.run(work)).await
}
