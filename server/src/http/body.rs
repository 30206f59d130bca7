//! The body of a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use futures_util::StreamExt as _;
use gatekeeper::{Entry, ErrorKind, GatekeeperError, Method, Result};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout;

use super::app::App;

/// The longest body, in bytes.
const MOST_BODY: usize = 1024 * 1024;
/// Bodies up to this many KiB are read whoever sends them; longer ones share [`Bodies`].
const FREE_KIB: u32 = 16;
/// For how long a body that nobody reads is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much all long bodies may take at once, in KiB.
const MOST_KIB: usize = 64 * 1024;

/// The body: a JSON object, or nothing.
pub(crate) async fn json(app: &App, entry: &Entry, headers: &HeaderMap, body: Body) -> Result<String> {
    let body = read(app, headers, body).await?;
    if body.is_empty() {
        return Ok("{}".to_owned());
    }
    if !has_body(entry) {
        return Err(GatekeeperError::bad_request("this route takes no body: put the fields into the query"));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let message = "the body must be JSON, with the header Content-Type: application/json";
        return Err(GatekeeperError::new(ErrorKind::UnsupportedMediaType, message));
    }
    String::from_utf8(body.into()).map_err(|_| GatekeeperError::bad_request("the body is not UTF-8"))
}

/// The memory that bodies may take, all together: whoever sends one is not known yet.
pub(crate) struct Bodies(Arc<Semaphore>);

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST_KIB)))
    }

    /// Room for a body, until dropped.
    fn room(&self, body: &Body) -> Result<Option<OwnedSemaphorePermit>, TryAcquireError> {
        let most = u64::try_from(MOST_BODY).unwrap_or(u64::MAX);
        let length = body.size_hint().upper().unwrap_or(most).min(most);
        let kib = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX);
        if kib <= FREE_KIB {
            return Ok(None);
        }
        Arc::clone(&self.0).try_acquire_many_owned(kib).map(Some)
    }
}

/// A body of at most 1 MiB, as it was sent.
pub(crate) async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes> {
    let patience = app.config.body_timeout;
    let is_plain = |value: &axum::http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        discard(body).await;
        let message = "the body must be sent as it is, without a Content-Encoding";
        return Err(GatekeeperError::new(ErrorKind::UnsupportedMediaType, message));
    }
    let Ok(_room) = app.bodies.room(&body) else {
        discard(body).await;
        let message = "too many long requests at once: try again in a moment";
        return Err(GatekeeperError::new(ErrorKind::Busy, message).after(1));
    };
    match timeout(patience, to_bytes(body, MOST_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            Err(GatekeeperError::new(ErrorKind::PayloadTooLarge, "the body must be whole, and at most 1 MiB"))
        }
        Err(_) => Err(GatekeeperError::bad_request(format!(
            "the body must be here within {} s",
            patience.as_secs()
        ))),
    }
}

/// Lets a body of at most 1 MiB go by that nobody reads: a connection is closed in the middle of one, and the client's next
/// request with it.
pub(crate) async fn discard(body: Body) {
    let mut left = MOST_BODY;
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

pub(crate) fn has_body(entry: &Entry) -> bool {
    matches!(entry.route.method, Method::Post | Method::Patch | Method::Put)
}

/// Takes the header `Idempotency-Key` for the field `idempotencyKey`. Where both are given, they have to be the same.
pub(crate) fn with_idempotency_key(
    entry: &Entry,
    headers: &HeaderMap,
    json: &str,
    texts: &mut Vec<(String, String)>,
) -> Result<()> {
    let mut given = headers.get_all("idempotency-key").iter();
    let (Some(key), true) = (given.next(), entry.idempotent) else { return Ok(()) };
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
