//! Wraps every request: assigns its id, measures and logs it, and turns a panic into a 500 response.

mod log_line;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Attribution, GatekeeperError};

use super::app::App;
use super::client_address::Peer;
use super::operation;
use super::protocol;
use super::request_id::{HEADER, RequestId};
use super::response::failure;
use log_line::{RequestLine, log};

/// The name of a request's operation, for metrics and logs.
#[derive(Clone, Copy)]
pub(crate) struct OperationName(pub(crate) &'static str);

impl OperationName {
    /// Attaches the name to a response.
    pub(crate) fn tag(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// The client of a request, and the principal that its log line names.
#[derive(Clone, Default)]
pub(crate) struct RequestContext {
    client: Option<Client>,
    attribution: Arc<Attribution>,
}

/// A client, and the key that throttles count it by.
#[derive(Clone)]
struct Client {
    peer: Peer,
    throttle_key: Arc<str>,
}

impl RequestContext {
    /// The context of a request that has just arrived.
    fn new(app: &App, request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>();
        let client = peer.map(|peer| app.config.proxies.client(*peer, request.headers()));
        let client = client.map(|peer| Client { peer, throttle_key: peer.throttle_key().into() });
        Self { client, attribution: Arc::default() }
    }

    /// The context that `observe` has attached to a request.
    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_default()
    }

    /// The client address, if the connection has one.
    pub(crate) fn address(&self) -> Option<&Arc<str>> {
        self.client.as_ref().map(|client| &client.throttle_key)
    }

    /// A client handle whose calls carry this request's client address and are attributed in its log line.
    pub(crate) fn attribute(&self, caller: &Gatekeeper) -> Gatekeeper {
        let caller = caller.with_attribution(&self.attribution);
        match self.address() {
            Some(address) => caller.with_client_address(address),
            None => caller,
        }
    }
}

/// Assigns the request's id, runs it, and records its response in metrics and the log.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    #[allow(clippy::disallowed_methods, reason = "measures time for metrics and logs only")]
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let context = RequestContext::new(&app, &request);
    let line = RequestLine::new(&request, id.clone(), context.clone());
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(context);
    let handled = async {
        match protocol::check(request.version(), request.headers()) {
            Ok(()) => next.run(request).await,
            Err(violation) => operation::protocol_error(request.uri().path(), violation, &id),
        }
    };
    let mut response = AssertUnwindSafe(handled)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| failure(&GatekeeperError::internal(panic_message(&*panic)), &id));
    let name = response.extensions().get().map_or("none", |OperationName(name)| name);
    let after = began.elapsed();
    app.metrics.record(name, response.status().as_str(), after);
    log(&line, &response, name, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
