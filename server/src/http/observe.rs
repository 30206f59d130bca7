//! What is known of every request: its id, how long it took, how it ended. A panic ends one request, with 500.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use gatekeeper::{Attribution, Gatekeeper, GatekeeperError};

use super::answer::{Cause, failure};
use super::app::App;
use super::operation;
use super::protocol;
use super::request_id::{HEADER, RequestId};
use super::source::Peer;

/// What a request asked for, as metrics and logs call it.
#[derive(Clone, Copy)]
pub(crate) struct Named(pub(crate) &'static str);

impl Named {
    pub(crate) fn on(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// From where a request comes, and where it is noted who makes it.
#[derive(Clone, Default)]
pub(crate) struct Observed {
    client: Option<Client>,
    attribution: Arc<Attribution>,
}

/// A client, and what it is counted by.
#[derive(Clone)]
struct Client {
    peer: Peer,
    counted: Arc<str>,
}

impl Observed {
    /// A request as it arrives.
    fn new(app: &App, request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>();
        let client = peer.map(|peer| app.config.proxies.client(*peer, request.headers()));
        let client = client.map(|peer| Client { peer, counted: peer.counted().into() });
        Self { client, attribution: Arc::default() }
    }

    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_default()
    }

    /// What the client is counted by, where its connection has an address.
    pub(crate) fn address(&self) -> Option<&Arc<str>> {
        self.client.as_ref().map(|client| &client.counted)
    }

    /// The same caller, whose calls come from the client of this request and are attributed in its line of the log.
    pub(crate) fn calling(&self, caller: &Gatekeeper) -> Gatekeeper {
        let caller = caller.attributing(&self.attribution);
        match self.address() {
            Some(address) => caller.from_source(address),
            None => caller,
        }
    }
}

/// Gives every request its id, and tells metrics and the log of its answer.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    #[allow(clippy::disallowed_methods, reason = "how long it took, for metrics and logs alone")]
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let observed = Observed::new(&app, &request);
    let asked = Asked {
        id: id.clone(),
        trace: trace_id(request.headers()),
        method: request.method().clone(),
        uri: request.uri().clone(),
        observed: observed.clone(),
    };
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(observed);
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
    log(&asked, &response, name, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// What a line of the log says of a request.
struct Asked {
    id: RequestId,
    trace: Option<String>,
    method: Method,
    uri: Uri,
    observed: Observed,
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
fn log(asked: &Asked, response: &Response, operation: &str, micros: u64) {
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
