//! The handler of every operation.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts;
use axum::response::Response;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::Schemeless;
use gatekeeper::internal::{OperationDescriptor, TABLE};
use gatekeeper::{GatekeeperError, Result};

use super::app::App;
use super::body::{has_body, json, with_idempotency_key};
use super::client_address::Peer;
use super::context::RequestContext;
use super::credential::presented;
use super::dispatch::call;
use super::export;
use super::request_id::RequestId;
use super::response::{failure, success};

/// Handles a request for an operation.
pub(crate) async fn run(
    app: Arc<App>,
    descriptor: &'static OperationDescriptor,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let result = async {
        let caller = caller(&app, descriptor, &parts);
        // The body is read first, so that a rejection leaves no part of it on the connection.
        let json = json(&app, descriptor, &parts, body).await?;
        let mut texts = texts(descriptor, &mut parts).await?;
        with_idempotency_key(descriptor, &parts.headers, &json, &mut texts)?;
        if let Some(named_parts) = descriptor.in_parts.and_then(named) {
            let address = RequestContext::of(&parts).address().map(ToString::to_string);
            return export::run(Arc::clone(&app), caller, address, named_parts, texts).await;
        }
        Ok(success(descriptor.route.status, &call(&app, caller, descriptor, json, texts).await?))
    };
    match result.await {
        Ok(response) => response,
        Err(error) => failure(&error, &RequestId::of_parts(&parts)),
    }
}

/// The operation with this name.
fn named(name: &str) -> Option<&'static OperationDescriptor> {
    TABLE.iter().find(|descriptor| descriptor.name == name)
}

/// The client handle for the caller of this request.
fn caller(app: &App, descriptor: &OperationDescriptor, parts: &Parts) -> Gatekeeper {
    let caller =
        app.gatekeeper().presenting(presented(&parts.headers, Schemeless::Ignored), &app.credentials);
    let caller = RequestContext::of(parts).attribute(&caller);
    let peer = parts.extensions.get::<Peer>().copied();
    if descriptor.signs_up && !app.signup.allows(peer, &parts.headers) {
        return caller.with_closed_signup();
    }
    caller
}

/// The fields in the path and the query. A route with a body rejects a query.
async fn texts(descriptor: &OperationDescriptor, parts: &mut Parts) -> Result<Vec<(String, String)>> {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    if has_body(descriptor) && !query.is_empty() {
        return Err(GatekeeperError::bad_request("this route accepts no query: send the fields in the body"));
    }
    if !descriptor.route.path.contains('{') && query.is_empty() {
        return Ok(Vec::new());
    }
    let path = RawPathParams::from_request_parts(parts, &()).await;
    let path = path.map_err(|_| GatekeeperError::bad_request("the path is not UTF-8"))?;
    let from_path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(from_path.chain(form_urlencoded::parse(query.as_bytes()).into_owned()).collect())
}
