//! The log line of a request.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;

use super::super::context::RequestContext;
use crate::http::request_id::RequestId;
use crate::http::response::Cause;

/// The facts about a request for its log line.
pub(super) struct RequestLine {
    id: RequestId,
    trace: Option<String>,
    method: Method,
    uri: Uri,
    context: RequestContext,
}

impl RequestLine {
    pub(super) fn new(request: &Request, id: RequestId, context: RequestContext) -> Self {
        Self {
            id,
            trace: trace_id(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            context,
        }
    }
}

/// Writes a log line. The client's address comes first, before any text that the client controls.
macro_rules! line {
    ($level:ident, $line:ident, $operation:ident, $status:ident, $micros:ident, $($more:tt)+) => {
        tracing::$level!(
            clientAddress = $line.context.client.as_ref().map(|client| tracing::field::display(client.peer)),
            method = $line.method.as_str(),
            operation = $operation,
            path = path_of($line, $status),
            status = $status,
            micros = $micros,
            principal = $line.context.attribution.principal(),
            principalId = $line.context.attribution.principal_id(),
            tenantId = $line.context.attribution.tenant_id().map(tracing::field::display),
            requestId = $line.id.as_str(),
            traceId = $line.trace,
            $($more)+
        )
    };
}

/// Logs a response: successes at `debug`, rejections at `info`, failures at `error`.
pub(super) fn log(line: &RequestLine, response: &Response, operation: &str, micros: u64) {
    let status = response.status().as_u16();
    match status {
        500.. => {
            let cause = response.extensions().get().map_or("", |Cause(cause)| cause.as_str());
            line!(error, line, operation, status, micros, cause, "failed");
        }
        400.. => line!(info, line, operation, status, micros, "rejected"),
        _ => line!(debug, line, operation, status, micros, "answered"),
    }
}

/// The maximum length of a logged path, in characters.
const MAX_PATH: usize = 256;

/// The path of a request that was not found, without parts that may be a credential.
fn path_of(line: &RequestLine, status: u16) -> Option<String> {
    if status != 404 {
        return None;
    }
    let parts = line.uri.path().split('/');
    let path = parts.map(|part| if may_be_secret(part) { "…" } else { part }).collect::<Vec<_>>().join("/");
    Some(path.chars().take(MAX_PATH).collect())
}

/// Whether part of a path may be a key or token: those are long and contain digits.
fn may_be_secret(part: &str) -> bool {
    part.len() > 32 || (part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit()))
}

/// The trace id of the caller (W3C Trace Context §3.2.2.3).
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = parent.split('-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_one = is_hex(version, 2) && version != "ff" && is_hex(trace, 32) && is_hex(span, 16);
    (is_one && trace.bytes().any(|digit| digit != b'0')).then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_trace_id_is_read_from_a_valid_traceparent() {
        let trace = |parent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_str(parent).unwrap());
            trace_id(&headers)
        };
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace(valid).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        for wrong in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd-b7ad6b7169203331-01",
        ] {
            assert_eq!(trace(wrong), None, "{wrong}");
        }
    }
}
