//! The one handler of every operation.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::request::Parts;
use axum::response::Response;
use gatekeeper::guard::Schemeless;
use gatekeeper::{
    Access, ErrorKind, Gatekeeper, GatekeeperError, OperationDescriptor, Result, TABLE, UnknownFields,
};

use super::answer::{failure, success};
use super::app::App;
use super::body::{discard, has_body, json, with_idempotency_key};
use super::client_address::Peer;
use super::credential::presented;
use super::export;
use super::key_manager;
use super::observe::Observed;
use super::protocol::Violation;
use super::request_id::RequestId;

/// Answers a request to an operation.
pub(crate) async fn run(
    app: Arc<App>,
    descriptor: &'static OperationDescriptor,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let answered = async {
        let caller = caller(&app, descriptor, &parts);
        // First, so that no rejection leaves a part of it behind.
        let json = json(&app, descriptor, &parts, body).await?;
        let mut texts = texts(descriptor, &mut parts).await?;
        with_idempotency_key(descriptor, &parts.headers, &json, &mut texts)?;
        if let Some(named_parts) = descriptor.in_parts.and_then(named) {
            let address = Observed::of(&parts).address().map(ToString::to_string);
            return export::run(Arc::clone(&app), caller, address, named_parts, texts).await;
        }
        Ok(success(descriptor.route.status, &call(&app, caller, descriptor, json, texts).await?))
    };
    match answered.await {
        Ok(answer) => answer,
        Err(error) => failure(&error, &RequestId::of_parts(&parts)),
    }
}

/// The operation of this name.
fn named(name: &str) -> Option<&'static OperationDescriptor> {
    TABLE.iter().find(|descriptor| descriptor.name == name)
}

/// Runs the operation: here, if that needs no waiting, or where waiting for the disk holds up nobody else.
pub(crate) async fn call(
    app: &App,
    caller: Gatekeeper,
    descriptor: &'static OperationDescriptor,
    json: String,
    texts: Vec<(String, String)>,
) -> Result<String> {
    // The key manager's API has always ignored them.
    let unknown_fields = if descriptor.access == Access::KeyManager {
        UnknownFields::Ignored
    } else {
        UnknownFields::Rejected
    };
    let request = gatekeeper::Request { json: &json, texts: &texts, unknown_fields };
    if let Some(answer) = caller.try_dispatch(descriptor, request)? {
        return Ok(answer);
    }
    let turns = if descriptor.looks_up_key { &app.lookups } else { &app.work };
    let work = move || {
        let request = gatekeeper::Request { json: &json, texts: &texts, unknown_fields };
        caller.dispatch_blocking(descriptor, request)
    };
    // Boxed, so that who needs no turn does not carry it along.
    Box::pin(turns.run(work)).await
}

/// The place, as the caller of this request.
fn caller(app: &App, descriptor: &OperationDescriptor, parts: &Parts) -> Gatekeeper {
    let caller = app.gatekeeper().presented(presented(&parts.headers, Schemeless::Ignored), &app.callers);
    let caller = Observed::of(parts).calling(&caller);
    let peer = parts.extensions.get::<Peer>().copied();
    if descriptor.signs_up && !app.signup.admits(peer, &parts.headers) {
        return caller.with_closed_signup();
    }
    caller
}

/// What stands in the path and in the query. A route with a body rejects a query.
async fn texts(descriptor: &OperationDescriptor, parts: &mut Parts) -> Result<Vec<(String, String)>> {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    if has_body(descriptor) && !query.is_empty() {
        return Err(GatekeeperError::bad_request("this route takes no query: put the fields into the body"));
    }
    if !descriptor.route.path.contains('{') && query.is_empty() {
        return Ok(Vec::new());
    }
    let path = RawPathParams::from_request_parts(parts, &()).await;
    let path = path.map_err(|_| GatekeeperError::bad_request("the path is not UTF-8"))?;
    let from_path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(from_path.chain(form_urlencoded::parse(query.as_bytes()).into_owned()).collect())
}

/// What a path that is not there is answered.
pub(crate) async fn no_such_path(request: Request) -> Response {
    rejected(request, &GatekeeperError::new(ErrorKind::NotFound, "there is nothing at this path")).await
}

/// What a method that a path does not have is answered; `Allow` is added by the router.
pub(crate) async fn no_such_method(request: Request) -> Response {
    let message = "this path does not have this method: see the header Allow";
    rejected(request, &GatekeeperError::new(ErrorKind::MethodNotAllowed, message)).await
}

/// What a request that breaks a rule of HTTP is answered. Nothing that follows it on its connection is read.
pub(crate) fn not_http(path: &str, (status, error): Violation, id: &RequestId) -> Response {
    let mut response =
        if is_key_managers(path) { key_manager::rejection(&error) } else { failure(&error, id) };
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn is_key_managers(path: &str) -> bool {
    path.starts_with("/api/v1/")
}

async fn rejected(request: Request, error: &GatekeeperError) -> Response {
    let (parts, body) = request.into_parts();
    discard(body).await;
    if is_key_managers(parts.uri.path()) {
        key_manager::of_route(error)
    } else {
        failure(error, &RequestId::of_parts(&parts))
    }
}
