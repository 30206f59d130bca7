//! What is answered: `{ok: true, data}`, or `{ok: false, error, code, requestId}` with details where there are any.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use gatekeeper::{ErrorKind, GatekeeperError};
use serde_json::{Value, json};

use super::request_id::RequestId;

/// The version of everything under `/v1`.
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// An answer in JSON.
pub(crate) fn json_text(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Success: `data` is JSON.
pub(crate) fn success(status: u16, data: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    versioned(json_text(status, format!("{{\"ok\":true,\"data\":{data}}}")))
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
    let mut response = versioned(json_text(status, body.to_string()));
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
        rate_limit_headers(&mut response, error, seconds);
    }
    response
}

/// A failure that is said here and not by the core.
pub(crate) fn refusal(kind: ErrorKind, message: &str, request_id: &RequestId) -> Response {
    failure(&GatekeeperError::new(kind, message), request_id)
}

/// Says which limit it was, as draft-ietf-httpapi-ratelimit-headers-10 has it.
fn rate_limit_headers(response: &mut Response, error: &GatekeeperError, seconds: u32) {
    let limit = error.details().and_then(|details| details.get("rateLimit"));
    let part = |name: &str| limit.and_then(|limit| limit.get(name));
    let (Some(name), Some(total), Some(window)) = (
        part("name").and_then(Value::as_str),
        part("total").and_then(Value::as_u64),
        part("windowSeconds").and_then(Value::as_u64),
    ) else {
        return;
    };
    for (header, value) in
        [(POLICY, format!("\"{name}\";q={total};w={window}")), (LIMIT, format!("\"{name}\";r=0;t={seconds}"))]
    {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(header, value);
        }
    }
}

fn versioned(mut response: Response) -> Response {
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("v1"));
    response
}
