//! What operators and verifiers ask for.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::Response;
use gatekeeper::{GatekeeperError, Result};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::answer::{failure, json_text};
use super::app::App;
use super::request_id::RequestId;

/// Whether the process answers.
pub(crate) async fn health() -> Response {
    json_text(StatusCode::OK, json!({ "ok": true, "service": "gatekeeper" }).to_string())
}

/// Whether the store and the counters answer, too.
pub(crate) async fn ready(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response {
    match asked(app, |app| app.place.check_ready()).await {
        Ok(()) => json_text(StatusCode::OK, json!({ "ok": true }).to_string()),
        Err(error) => failure(&error, &id),
    }
}

/// The public keys of access tokens.
pub(crate) async fn jwks(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>) -> Response {
    let keys: Result<Value> = asked(app, |app| app.place.jwks()).await;
    match keys {
        Ok(keys) => {
            let mut response = json_text(StatusCode::OK, keys.to_string());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
            response
        }
        Err(error) => failure(&error, &id),
    }
}

async fn asked<T: Send + 'static>(
    app: Arc<App>,
    ask: impl FnOnce(&App) -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(move || ask(&app)).await.unwrap_or_else(|failed| Err(GatekeeperError::internal(failed)))
}
