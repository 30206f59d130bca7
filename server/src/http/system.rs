//! The routes for operators, and for verifiers of tokens.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use gatekeeper::internal::JWKS_MAX_AGE_SECONDS;
use serde_json::json;

use super::app::App;
use super::context::OperationName;
use super::request_id::RequestId;
use super::response::{failure, json_text, text, versioned};

/// Reports that the process is running.
pub(crate) async fn health() -> Response {
    OperationName("health").tag(text(
        StatusCode::OK,
        "application/json",
        r#"{"ok":true,"service":"gatekeeper"}"#,
    ))
}

/// Reports whether the database and the counters are usable, and whether tokens can be signed and verified.
pub(crate) async fn ready(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response {
    let gatekeeper = app.gatekeeper();
    OperationName("ready").tag(match app.work.run(move || gatekeeper.check_ready()).await {
        Ok(()) => json_text(StatusCode::OK, json!({ "ok": true }).to_string()),
        Err(error) => failure(&error, &id),
    })
}

/// The metrics, for Prometheus.
pub(crate) async fn metrics(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response {
    OperationName("metrics").tag(match app.metrics.text(&app.gatekeeper(), app.blocking_tasks()) {
        Ok(metrics) => text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics),
        Err(error) => failure(&error, &id),
    })
}

/// The public keys that verify access tokens.
pub(crate) async fn jwks(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
) -> Response {
    let gatekeeper = app.gatekeeper();
    let response = match app.work.run(move || gatekeeper.jwks()).await {
        Ok(keys) => {
            let mut response = json_text(StatusCode::OK, keys.to_string());
            let cached = format!("public, max-age={JWKS_MAX_AGE_SECONDS}");
            if let Ok(cached) = HeaderValue::try_from(cached) {
                response.headers_mut().insert(CACHE_CONTROL, cached);
            }
            response
        }
        Err(error) => failure(&error, &id),
    };
    OperationName("jwks").tag(if uri.path().starts_with("/v1/") { versioned(response) } else { response })
}

/// The OpenAPI document.
pub(crate) async fn openapi() -> Response {
    OperationName("openapi").tag(text(StatusCode::OK, "application/json", include_str!("../../openapi.json")))
}

/// The reference page. It loads nothing else, and its policy forbids all other content.
pub(crate) async fn docs() -> Response {
    let page = text(StatusCode::OK, "text/html; charset=utf-8", include_str!("../../docs.html"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    OperationName("docs").tag(with(page, CONTENT_SECURITY_POLICY, policy))
}

/// Redirects to a page.
pub(crate) fn moved(to: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    OperationName("docs").tag(with(response, LOCATION, to))
}

fn with(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}
