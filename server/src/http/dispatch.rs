//! Runs an operation where it blocks no other request.

use gatekeeper::Result;
use gatekeeper::blocking::{Gatekeeper, wait};
use gatekeeper::internal::{Access, OperationDescriptor, Started, UnknownFields};

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
    // Futures are boxed, so that a call that does not block does not carry the larger one.
    if descriptor.looks_up_key {
        let request = gatekeeper::internal::Request { json: &json, texts: &texts, unknown_fields };
        return match caller.start_dispatch(descriptor, request)? {
            Started::Done(response) => Ok(response),
            Started::Pending(rest) => Box::pin(app.lookups.run(move || wait(rest.finish()))).await,
        };
    }
    let work = move || {
        let request = gatekeeper::internal::Request { json: &json, texts: &texts, unknown_fields };
        caller.dispatch(descriptor, request)
    };
    Box::pin(app.work.run(work)).await
}
