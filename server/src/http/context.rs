//! What is attached to a request and its response: the client, the principal and the name of the operation.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::Attribution;

use super::client_address::{Peer, Proxies};

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
    pub(super) client: Option<Client>,
    pub(super) attribution: Arc<Attribution>,
}

/// A client, and the key that throttles count it by.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) peer: Peer,
    throttle_key: Arc<str>,
}

impl RequestContext {
    /// The context of a request that has just arrived.
    pub(crate) fn new(proxies: &Proxies, request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>();
        let client = peer.map(|peer| proxies.client(*peer, request.headers()));
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
