//! The responses to requests that reach no operation.

use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::response::Response;
use gatekeeper::{ErrorKind, GatekeeperError};

use super::body::discard;
use super::key_manager;
use super::protocol::Violation;
use super::request_id::RequestId;
use super::response::failure;

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
