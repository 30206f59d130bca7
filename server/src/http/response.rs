//! Responses: `{ok: true, data}`, or `{ok: false, error, code, requestId}` with optional `details`.

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

/// The version header of every route under `/v1`.
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Set if the request was rejected before it ran, so that any request can be retried.
const NOT_RUN: HeaderName = HeaderName::from_static("x-gatekeeper-not-run");

/// A response with this content type.
pub(crate) fn text(status: StatusCode, content_type: &'static str, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A JSON response. It may contain a secret, so it must not be cached.
pub(crate) fn json_text(status: StatusCode, json: impl Into<Body>) -> Response {
    let mut response = text(status, "application/json", json);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The cause of a failure, for the log only.
#[derive(Clone)]
pub(crate) struct Cause(pub(crate) String);

/// A successful response. `data` is JSON.
pub(crate) fn success(status: u16, data: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    versioned(json_text(status, format!("{{\"ok\":true,\"data\":{data}}}")))
}

/// A successful response whose body is streamed JSON.
pub(crate) fn streamed(body: Body) -> Response {
    versioned(json_text(StatusCode::OK, body))
}

/// The response to an error.
pub(crate) fn failure(error: &GatekeeperError, request_id: &RequestId) -> Response {
    let mut body = json!({
        "ok": false, "error": error.message(), "code": error.code(), "requestId": request_id.as_str(),
    });
    if let (Some(details), Some(body)) = (error.details(), body.as_object_mut()) {
        body.insert("details".to_owned(), details.clone());
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_error_headers(versioned(json_text(status, body.to_string())), error)
}

/// Adds the headers of an error: `Retry-After`, rate limit, `WWW-Authenticate`, and whether the request may be retried.
pub(crate) fn with_error_headers(mut response: Response, error: &GatekeeperError) -> Response {
    let headers = response.headers_mut();
    if let Some(seconds) = error.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
        if let Some(limit) = RateLimit::of(error, seconds) {
            limit.write_to(headers);
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

/// A rate limit in headers, as in draft-ietf-httpapi-ratelimit-headers-10.
pub(crate) struct RateLimit<'a> {
    pub(crate) name: &'a str,
    pub(crate) total: u64,
    pub(crate) window_seconds: Option<u64>,
    /// The permits left after this request. A request may be rejected although some are left, if it costs more.
    pub(crate) remaining: u64,
    /// The seconds until the same request can be accepted, if it was rejected.
    pub(crate) wait_seconds: Option<u64>,
}

impl<'a> RateLimit<'a> {
    /// The limit that an error is about, which can be retried after `seconds`; `None` for other errors.
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

    /// Adds the headers of this limit.
    pub(crate) fn write_to(&self, headers: &mut HeaderMap) {
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

/// Adds the version header of routes under `/v1`.
pub(crate) fn versioned(mut response: Response) -> Response {
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("v1"));
    response
}
