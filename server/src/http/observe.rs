//! What is known of every request: its id, how long it took, how it ended. A panic ends one request, with 500.

mod line;

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
use gatekeeper::{Attribution, Gatekeeper, GatekeeperError};

use super::answer::failure;
use super::app::App;
use super::client_address::Peer;
use super::operation;
use super::protocol;
use super::request_id::{HEADER, RequestId};
use line::{Asked, log};

/// What a request asked for, as metrics and logs call it.
#[derive(Clone, Copy)]
pub(crate) struct OperationName(pub(crate) &'static str);

impl OperationName {
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
            Some(address) => caller.with_client_address(address),
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
    let asked = Asked::new(&request, id.clone(), observed.clone());
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
    let name = response.extensions().get().map_or("none", |OperationName(name)| name);
    let after = began.elapsed();
    app.metrics.answered(name, response.status().as_str(), after);
    log(&asked, &response, name, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
