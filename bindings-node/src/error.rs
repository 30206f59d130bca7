//! Converts the core's errors for JavaScript, where their classes are.

use std::any::Any;
use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll};

use gatekeeper::GatekeeperError;
use serde_json::json;

/// An error whose message is a JSON document. The façade converts it to a result or to a `GatekeeperError`.
pub(crate) fn to_napi(error: GatekeeperError) -> napi::Error {
    payload(&error, error.kind().key_manager())
}

/// As [`to_napi`], but the façade always throws it and never converts it to a result.
pub(crate) fn thrown(error: &GatekeeperError) -> napi::Error {
    payload(error, None)
}

fn payload(error: &GatekeeperError, key_manager: Option<&str>) -> napi::Error {
    let payload = json!({
        "gatekeeper": 1,
        "code": error.code(),
        "status": error.status(),
        "message": error.message(),
        "retryAfter": error.retry_after(),
        "requestId": error.request_id(),
        "details": error.details(),
        "keyManager": key_manager,
        "cause": error.source().map(ToString::to_string),
    });
    napi::Error::from_reason(payload.to_string())
}

/// Runs `work` and converts a panic to an error: no panic may cross into Node.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> gatekeeper::Result<T>) -> napi::Result<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|panic| Err(GatekeeperError::internal(text_of(&*panic)))).map_err(to_napi)
}

/// As [`catch_panic`], for asynchronous work.
pub(crate) async fn catch_panic_async<T>(
    work: impl Future<Output = gatekeeper::Result<T>>,
) -> napi::Result<T> {
    let mut work = pin!(work);
    let poll = |context: &mut Context<'_>| {
        let done = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        done.unwrap_or_else(|panic| Poll::Ready(Err(GatekeeperError::internal(text_of(&*panic)))))
    };
    poll_fn(poll).await.map_err(to_napi)
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic").to_owned()
}
