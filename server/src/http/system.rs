//! What operators and verifiers ask for.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use gatekeeper::JWKS_MAX_AGE_SECONDS;
use serde_json::json;

use super::answer::{failure, json_text, text, versioned};
use super::app::App;
use super::observe::OperationName;
use super::request_id::RequestId;

/// Whether the process answers.
pub(crate) async fn health() -> Response {
    OperationName("health").on(text(
        StatusCode::OK,
        "application/json",
        r#"{"ok":true,"service":"gatekeeper"}"#,
    ))
}

/// Whether the store and the counters answer, the stored signing keys open, and what is signed verifies.
pub(crate) async fn ready(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response {
    let gatekeeper = app.gatekeeper();
    OperationName("ready").on(match app.work.run(move || gatekeeper.check_ready()).await {
        Ok(()) => json_text(StatusCode::OK, json!({ "ok": true }).to_string()),
        Err(error) => failure(&error, &id),
    })
}

/// What Prometheus scrapes.
pub(crate) async fn metrics(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response {
    OperationName("metrics").on(match app.metrics.text(&app) {
        Ok(metrics) => text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics),
        Err(error) => failure(&error, &id),
    })
}

/// The public keys of access tokens.
pub(crate) async fn jwks(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
) -> Response {
    let gatekeeper = app.gatekeeper();
    let answer = match app.work.run(move || gatekeeper.jwks()).await {
        Ok(keys) => {
            let mut answer = json_text(StatusCode::OK, keys.to_string());
            let cached = format!("public, max-age={JWKS_MAX_AGE_SECONDS}");
            if let Ok(cached) = HeaderValue::try_from(cached) {
                answer.headers_mut().insert(CACHE_CONTROL, cached);
            }
            answer
        }
        Err(error) => failure(&error, &id),
    };
    OperationName("jwks").on(if uri.path().starts_with("/v1/") { versioned(answer) } else { answer })
}

/// The API, for programs.
pub(crate) async fn openapi() -> Response {
    OperationName("openapi").on(text(StatusCode::OK, "application/json", include_str!("../../openapi.json")))
}

/// The API, for people. It needs nothing from anywhere else, and may take nothing.
pub(crate) async fn docs() -> Response {
    let page = text(StatusCode::OK, "text/html; charset=utf-8", include_str!("../../docs.html"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    OperationName("docs").on(with(page, CONTENT_SECURITY_POLICY, policy))
}

/// Leads to where a page is.
pub(crate) fn moved(to: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    OperationName("docs").on(with(response, LOCATION, to))
}

fn with(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}
