//! The body of a request.

mod room;

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;
use futures_util::StreamExt as _;
use gatekeeper::{ErrorKind, GatekeeperError, Method, OperationDescriptor, Result};
use serde_json::Value;
use tokio::time::timeout;

use super::app::App;
use super::observe::Observed;
pub(crate) use room::Bodies;
use room::Full;

/// The longest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// For how long a body that nobody reads is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The body: a JSON object, or nothing.
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
        return Err(GatekeeperError::bad_request("this route takes no body: put the fields into the query"));
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

/// A body of at most 1 MiB, as it was sent.
pub(crate) async fn read(app: &App, parts: &Parts, body: Body) -> Result<Vec<u8>> {
    let patience = app.config.body_timeout;
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !parts.headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        discard(body).await;
        let message = "the body must be sent as it is, without a Content-Encoding";
        return Err(GatekeeperError::new(ErrorKind::UnsupportedMediaType, message));
    }
    let address = Observed::of(parts).address().cloned().unwrap_or_default();
    let mut room = app.bodies.room(address);
    let mut arriving = body.into_data_stream();
    let arrived = async {
        let mut whole = Vec::new();
        while let Some(part) = arriving.next().await {
            let part = part.map_err(|_| Broken::OffOrTooLong)?;
            let length = whole.len() + part.len();
            if length > MAX_BODY {
                return Err(Broken::OffOrTooLong);
            }
            room.grow_to(length).map_err(|Full| Broken::NoRoom)?;
            whole.extend_from_slice(&part);
        }
        Ok(whole)
    };
    match timeout(patience, arrived).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(Broken::OffOrTooLong)) => {
            Err(GatekeeperError::new(ErrorKind::PayloadTooLarge, "the body must be whole, and at most 1 MiB"))
        }
        Ok(Err(Broken::NoRoom)) => {
            let message = "too many long requests at once: try again in a moment";
            discard(Body::from_stream(arriving)).await;
            Err(GatekeeperError::new(ErrorKind::Busy, message).after(1))
        }
        Err(_) => Err(GatekeeperError::bad_request(format!(
            "the body must be here within {} s",
            patience.as_secs()
        ))),
    }
}

/// Why a body cannot be read to its end.
enum Broken {
    OffOrTooLong,
    NoRoom,
}

/// Lets a body of at most 1 MiB go by that nobody reads: a connection is closed in the middle of one, and the client's next
/// request with it.
pub(crate) async fn discard(body: Body) {
    let mut left = MAX_BODY;
    let mut parts = body.into_data_stream();
    let gone_by = async {
        while let Some(Ok(part)) = parts.next().await {
            match left.checked_sub(part.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    // Who takes longer is closed upon.
    let _ = timeout(PATIENCE, gone_by).await;
}

pub(crate) fn has_body(descriptor: &OperationDescriptor) -> bool {
    matches!(descriptor.route.method, Method::Post | Method::Patch | Method::Put)
}

/// Takes the header `Idempotency-Key` for the field `idempotencyKey`. Where both are given, they have to be the same.
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
                "idempotencyKey and the header Idempotency-Key differ: give one of them",
            ));
        }
    }
    Ok(())
}
