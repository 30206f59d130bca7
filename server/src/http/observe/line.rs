//! The line of the log that each request has.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;

use super::Observed;
use crate::http::answer::Cause;
use crate::http::request_id::RequestId;

/// What a line of the log says of a request.
pub(super) struct Asked {
    id: RequestId,
    trace: Option<String>,
    method: Method,
    uri: Uri,
    observed: Observed,
}

impl Asked {
    pub(super) fn new(request: &Request, id: RequestId, observed: Observed) -> Self {
        Self {
            id,
            trace: trace_id(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            observed,
        }
    }
}

/// A line of the log. The client's address is first, so that no text of the client stands before it.
macro_rules! line {
    ($level:ident, $asked:ident, $operation:ident, $status:ident, $micros:ident, $($more:tt)+) => {
        tracing::$level!(
            clientAddress = $asked.observed.client.as_ref().map(|client| tracing::field::display(client.peer)),
            method = $asked.method.as_str(),
            operation = $operation,
            path = path_of($asked, $status),
            status = $status,
            micros = $micros,
            principal = $asked.observed.attribution.principal(),
            principalId = $asked.observed.attribution.principal_id(),
            tenantId = $asked.observed.attribution.tenant_id().map(tracing::field::display),
            requestId = $asked.id.as_str(),
            traceId = $asked.trace,
            $($more)+
        )
    };
}

/// What succeeds is not worth a line unless somebody asks for it; what fails is.
pub(super) fn log(asked: &Asked, response: &Response, operation: &str, micros: u64) {
    let status = response.status().as_u16();
    match status {
        500.. => {
            let cause = response.extensions().get().map_or("", |Cause(cause)| cause.as_str());
            line!(error, asked, operation, status, micros, cause, "failed");
        }
        400.. => line!(info, asked, operation, status, micros, "rejected"),
        _ => line!(debug, asked, operation, status, micros, "answered"),
    }
}

/// The longest path that is logged, in characters.
const MAX_PATH: usize = 256;

/// The path of what was not found, without the parts that may be a credential.
fn path_of(asked: &Asked, status: u16) -> Option<String> {
    if status != 404 {
        return None;
    }
    let parts = asked.uri.path().split('/');
    let path = parts.map(|part| if may_be_secret(part) { "…" } else { part }).collect::<Vec<_>>().join("/");
    Some(path.chars().take(MAX_PATH).collect())
}

/// Keys and tokens are long, and have digits.
fn may_be_secret(part: &str) -> bool {
    part.len() > 32 || (part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit()))
}

/// The trace that the caller's request is part of (W3C Trace Context §3.2.2.3).
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
    fn a_trace_is_taken_from_a_parent_that_is_one() {
        let trace = |parent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_str(parent).unwrap());
            trace_id(&headers)
        };
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace(good).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
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
