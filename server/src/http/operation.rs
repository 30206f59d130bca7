//! The handler of every operation.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::request::Parts;
use axum::response::Response;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::guard::Schemeless;
use gatekeeper::{Access, ErrorKind, GatekeeperError, OperationDescriptor, Result, TABLE, UnknownFields};

use super::app::App;
use super::body::{discard, has_body, json, with_idempotency_key};
use super::client_address::Peer;
use super::credential::presented;
use super::export;
use super::key_manager;
use super::observe::RequestContext;
use super::protocol::Violation;
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

/// Runs the operation: immediately if it does not block, otherwise in a blocking pool.
pub(crate) async fn call(
    app: &App,
    caller: Gatekeeper,
    descriptor: &'static OperationDescriptor,
    json: String,
    texts: Vec<(String, String)>,
) -> Result<String> {
    // The key manager's API has always ignored unknown fields.
    let unknown_fields = if descriptor.access == Access::KeyManager {
        UnknownFields::Ignored
    } else {
        UnknownFields::Rejected
    };
    let request = gatekeeper::Request { json: &json, texts: &texts, unknown_fields };
    if let Some(response) = caller.try_dispatch(descriptor, request)? {
        return Ok(response);
    }
    let pool = if descriptor.looks_up_key { &app.lookups } else { &app.work };
    let work = move || {
        let request = gatekeeper::Request { json: &json, texts: &texts, unknown_fields };
        caller.dispatch(descriptor, request)
    };
    // Boxed, so that a call that does not block does not carry the larger future.
    Box::pin(pool.run(work)).await
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

/// Handles a request whose path is not a route.
pub(crate) async fn not_found(request: Request) -> Response {
    rejected(request, &GatekeeperError::new(ErrorKind::NotFound, "there is no route with this path")).await
}

/// Handles a request whose method the path does not support. The router adds `Allow`.
pub(crate) async fn method_not_allowed(request: Request) -> Response {
    let message = "the path does not support this method: see the header Allow";
    rejected(request, &GatekeeperError::new(ErrorKind::MethodNotAllowed, message)).await
}

/// The response to a request that violates HTTP. The rest of its connection is not read.
pub(crate) fn protocol_error(path: &str, (status, error): Violation, id: &RequestId) -> Response {
    let mut response =
        if is_key_manager_path(path) { key_manager::rejection(&error) } else { failure(&error, id) };
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn is_key_manager_path(path: &str) -> bool {
    path.starts_with("/api/v1/")
}

async fn rejected(request: Request, error: &GatekeeperError) -> Response {
    let (parts, body) = request.into_parts();
    discard(body).await;
    if is_key_manager_path(parts.uri.path()) {
        key_manager::of_route(error)
    } else {
        failure(error, &RequestId::of_parts(&parts))
    }
}
