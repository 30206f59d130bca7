//! What is known of every request: its id, how long it took, how it ended. A panic ends one request, with 500.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use gatekeeper::GatekeeperError;

use super::answer::{Cause, failure};
use super::app::App;
use super::operation;
use super::protocol;
use super::request_id::{HEADER, RequestId};
use super::source::{ClientAddress, Peer};

/// What a request asked for, as metrics and logs call it.
#[derive(Clone, Copy)]
pub(crate) struct Named(pub(crate) &'static str);

impl Named {
    pub(crate) fn on(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every request its id, and tells metrics and the log of its answer.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    #[allow(clippy::disallowed_methods, reason = "how long it took, for metrics and logs alone")]
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let (method, trace) = (request.method().clone(), trace_id(request.headers()));
    let client = client_address(&app, &request);
    request.extensions_mut().insert(id.clone());
    if let Some(client) = client.clone() {
        request.extensions_mut().insert(client);
    }
    let answered = async {
        match protocol::check(request.version(), request.headers()) {
            Ok(()) => next.run(request).await,
            Err(violation) => operation::not_http(request.uri().path(), violation, &id),
        }
    };
    let mut response = AssertUnwindSafe(answered)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| failure(&GatekeeperError::internal(said(&*panic)), &id));
    let name = response.extensions().get().map_or("none", |Named(name)| name);
    let after = began.elapsed();
    app.metrics.answered(name, response.status().as_str(), after);
    let client = client.as_ref().map(|ClientAddress(address)| &**address);
    log(&response, &id, &method, name, after.as_micros(), trace.as_deref(), client);
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// What succeeds is not worth a line unless somebody asks for it; what fails is.
fn log(
    response: &Response,
    id: &RequestId,
    method: &Method,
    operation: &str,
    micros: u128,
    trace: Option<&str>,
    client: Option<&str>,
) {
    let status = response.status().as_u16();
    let (method, id) = (method.as_str(), id.as_str());
    // The level of a line has to be known when it is compiled.
    macro_rules! line {
        ($level:ident, $message:literal $(, $also:ident)?) => {
            tracing::$level!(
                requestId = id, traceId = trace, clientAddress = client, method, operation, status, micros $(, $also)?,
                $message
            )
        };
    }
    match status {
        500.. => {
            let cause = response.extensions().get().map_or("", |Cause(cause)| cause.as_str());
            line!(error, "failed", cause);
        }
        400.. => line!(info, "refused"),
        _ => line!(debug, "answered"),
    }
}

/// The address of the client that sent a request, where its connection has one.
fn client_address(app: &App, request: &Request) -> Option<ClientAddress> {
    let peer = request.extensions().get::<Peer>()?;
    Some(ClientAddress(app.config.proxies.source(*peer, request.headers()).into()))
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

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

#[cfg(test)]
mod tests {
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
