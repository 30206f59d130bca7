//! What is answered: `{ok: true, data}`, or `{ok: false, error, code, requestId}` with details where there are any.

use std::error::Error as _;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use gatekeeper::{ErrorKind, GatekeeperError};
use serde_json::{Value, json};

use super::request_id::RequestId;

/// The version of everything under `/v1`.
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Says that a call was rejected before it ran: it may be sent again, whatever it does.
const NOT_RUN: HeaderName = HeaderName::from_static("x-gatekeeper-not-run");

/// An answer of this type.
pub(crate) fn text(status: StatusCode, content_type: &'static str, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An answer in JSON. It may hold a secret: nobody on its way keeps it.
pub(crate) fn json_text(status: StatusCode, json: impl Into<Body>) -> Response {
    let mut response = text(status, "application/json", json);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a failure came from: for the log, never for the caller.
#[derive(Clone)]
pub(crate) struct Cause(pub(crate) String);

/// Success: `data` is JSON.
pub(crate) fn success(status: u16, data: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    versioned(json_text(status, format!("{{\"ok\":true,\"data\":{data}}}")))
}

/// Success, of which all is JSON that is sent as it comes.
pub(crate) fn streamed(body: Body) -> Response {
    versioned(json_text(StatusCode::OK, body))
}

/// Failure.
pub(crate) fn failure(error: &GatekeeperError, request_id: &RequestId) -> Response {
    let mut body = json!({
        "ok": false, "error": error.message(), "code": error.code(), "requestId": request_id.as_str(),
    });
    if let (Some(details), Some(body)) = (error.details(), body.as_object_mut()) {
        body.insert("details".to_owned(), details.clone());
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    told(versioned(json_text(status, body.to_string())), error)
}

/// An answer with what every failure tells in its headers.
pub(crate) fn told(mut response: Response, error: &GatekeeperError) -> Response {
    let headers = response.headers_mut();
    if let Some(seconds) = error.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
        if let Some(limit) = RateLimit::of(error, seconds) {
            limit.tell(headers);
        }
    }
    if error.status() == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Busy) {
        headers.insert(NOT_RUN, HeaderValue::from_static("true"));
    }
    if let Some(cause) = error.source() {
        response.extensions_mut().insert(Cause(cause.to_string()));
    }
    response
}

/// A limit, as draft-ietf-httpapi-ratelimit-headers-10 has headers tell of it.
pub(crate) struct RateLimit<'a> {
    pub(crate) name: &'a str,
    pub(crate) total: u64,
    pub(crate) window_seconds: Option<u64>,
    /// What is left after this request. One that costs more is rejected although some is left.
    pub(crate) remaining: u64,
    /// For how long the same request is rejected, where it was.
    pub(crate) wait_seconds: Option<u64>,
}

impl<'a> RateLimit<'a> {
    /// The limit that was reached, if the error is of one, and for how many seconds.
    fn of(error: &'a GatekeeperError, seconds: u32) -> Option<Self> {
        let limit = error.details()?.get("rateLimit")?;
        Some(Self {
            name: limit.get("name")?.as_str()?,
            total: limit.get("total")?.as_u64()?,
            window_seconds: limit.get("windowSeconds").and_then(Value::as_u64),
            remaining: 0,
            wait_seconds: Some(seconds.into()),
        })
    }

    /// Tells of it in these headers.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Self { name, total, window_seconds, remaining, wait_seconds } = self;
        let window = window_seconds.map(|seconds| format!(";w={seconds}")).unwrap_or_default();
        let wait = wait_seconds.map(|seconds| format!(";t={seconds}")).unwrap_or_default();
        let policy = format!("\"{name}\";q={total}{window}");
        let limit = format!("\"{name}\";r={remaining}{wait}");
        for (header, value) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header, value);
            }
        }
    }
}

/// An answer of what is under `/v1`.
pub(crate) fn versioned(mut response: Response) -> Response {
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("v1"));
    response
}
