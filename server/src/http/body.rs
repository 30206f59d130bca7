//! The body of a request.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;
use futures_util::StreamExt as _;
use gatekeeper::internal::{Method, OperationDescriptor};
use gatekeeper::{ErrorKind, GatekeeperError, Result};
use serde_json::Value;
use tokio::time::timeout;

use super::app::App;
use super::body_memory::Full;
use super::context::RequestContext;

/// The maximum length of a body, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How long to wait for a body that is discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the body as JSON text; an empty body is read as `{}`.
pub(crate) async fn json(
    app: &App,
    descriptor: &OperationDescriptor,
    parts: &Parts,
    body: Body,
) -> Result<String> {
    let body = read(app, parts, body).await?;
    if body.is_empty() {
        return Ok("{}".to_owned());
    }
    if !has_body(descriptor) {
        return Err(GatekeeperError::bad_request("this route accepts no body: send the fields in the query"));
    }
    let content_type =
        parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let message = "the body must be JSON, with the header Content-Type: application/json";
        return Err(GatekeeperError::new(ErrorKind::UnsupportedMediaType, message));
    }
    String::from_utf8(body).map_err(|_| GatekeeperError::bad_request("the body is not UTF-8"))
}

/// Reads a body of at most 1 MiB.
pub(crate) async fn read(app: &App, parts: &Parts, body: Body) -> Result<Vec<u8>> {
    let body_timeout = app.config.body_timeout;
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !parts.headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        discard(body).await;
        let message = "the body must be sent without a Content-Encoding";
        return Err(GatekeeperError::new(ErrorKind::UnsupportedMediaType, message));
    }
    let address = RequestContext::of(parts).address().cloned().unwrap_or_default();
    let mut memory = app.bodies.reserve(address);
    let mut arriving = body.into_data_stream();
    let arrived = async {
        let mut whole = Vec::new();
        while let Some(part) = arriving.next().await {
            let part = part.map_err(|_| ReadError::IncompleteOrTooLong)?;
            let length = whole.len() + part.len();
            if length > MAX_BODY {
                return Err(ReadError::IncompleteOrTooLong);
            }
            memory.grow_to(length).map_err(|Full| ReadError::MemoryFull)?;
            whole.extend_from_slice(&part);
        }
        Ok(whole)
    };
    match timeout(body_timeout, arrived).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(ReadError::IncompleteOrTooLong)) => Err(GatekeeperError::new(
            ErrorKind::PayloadTooLarge,
            "the body must be complete and at most 1 MiB",
        )),
        Ok(Err(ReadError::MemoryFull)) => {
            let message = "too many large requests at the same time: try again in a moment";
            discard(Body::from_stream(arriving)).await;
            Err(GatekeeperError::new(ErrorKind::Busy, message).after(1))
        }
        Err(_) => Err(GatekeeperError::bad_request(format!(
            "the body must arrive within {} s",
            body_timeout.as_secs()
        ))),
    }
}

/// Why a body was not read to its end.
enum ReadError {
    IncompleteOrTooLong,
    MemoryFull,
}

/// Reads and discards a body of at most 1 MiB. Otherwise the connection would be closed in the middle of the body, and
/// the client's next request on it would fail.
pub(crate) async fn discard(body: Body) {
    let mut left = MAX_BODY;
    let mut parts = body.into_data_stream();
    let discarded = async {
        while let Some(Ok(part)) = parts.next().await {
            match left.checked_sub(part.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    // A slower client is disconnected.
    let _ = timeout(DISCARD_TIMEOUT, discarded).await;
}

pub(crate) fn has_body(descriptor: &OperationDescriptor) -> bool {
    matches!(descriptor.route.method, Method::Post | Method::Patch | Method::Put)
}

/// Copies the header `Idempotency-Key` to the field `idempotencyKey`. If both are given, they must be equal.
pub(crate) fn with_idempotency_key(
    descriptor: &OperationDescriptor,
    headers: &HeaderMap,
    json: &str,
    texts: &mut Vec<(String, String)>,
) -> Result<()> {
    let mut given = headers.get_all("idempotency-key").iter();
    let (Some(key), true) = (given.next(), descriptor.idempotent) else { return Ok(()) };
    let (Ok(key), None) = (key.to_str(), given.next()) else {
        return Err(GatekeeperError::bad_request("Idempotency-Key must be one header of visible ASCII"));
    };
    let body: Option<Value> = serde_json::from_str(json).ok();
    match body.as_ref().and_then(|body| body.get("idempotencyKey")) {
        None => texts.push(("idempotencyKey".to_owned(), key.to_owned())),
        Some(Value::String(field)) if field == key => (),
        Some(_) => {
            return Err(GatekeeperError::bad_request(
                "idempotencyKey and the header Idempotency-Key differ: send only one of them",
            ));
        }
    }
    Ok(())
}
