//! The key manager's REST API: the same operations, answered in its own shape, `{success, …}`.
//!
//! Existing clients send their JSON as `text/plain`, or with no type: any type is read.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use gatekeeper::{Entry, Gatekeeper, GatekeeperError, Result, Secret};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::answer::{failure, json_text};
use super::app::App;
use super::operation::read;
use super::request_id::RequestId;

/// Answers a request to an operation of the key manager.
pub(crate) async fn run(app: Arc<App>, entry: &'static Entry, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let caller = as_root_key(&app.place, &parts.headers);
    let answered = async {
        let body = read(body).await?;
        let work = move || {
            // A wrong root key is said before a word on the body.
            caller.check_caller()?;
            let body = std::str::from_utf8(&body)
                .map_err(|_| GatekeeperError::bad_request("the body is not UTF-8"))?;
            caller.call_entry_blocking(entry, body.into())
        };
        spawn_blocking(work).await.unwrap_or_else(|failed| Err(GatekeeperError::internal(failed)))
    };
    let answer: Result<String> = answered.await;
    match answer {
        Ok(answer) => json_text(StatusCode::OK, successful(&answer)),
        Err(error) => match error.kind().key_manager() {
            Some(name) => refused(&error, name),
            None => failure(&error, &RequestId::of_parts(&parts)),
        },
    }
}

/// The place, as the root key of this request. A request without one may do nothing.
fn as_root_key(place: &Gatekeeper, headers: &HeaderMap) -> Gatekeeper {
    let given: Vec<&str> =
        headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().unwrap_or("?")).collect();
    match given.as_slice() {
        [] => place.anonymous(),
        [one] => {
            let (scheme, token) = one.split_once(' ').unwrap_or((one, ""));
            let token = if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "?" };
            place.with_root_key(&Secret::new(token))
        }
        _ => place.with_root_key(&Secret::new("?")),
    }
}

/// An object with `success` in front of its fields.
fn successful(answer: &str) -> String {
    match answer.strip_prefix('{') {
        Some("}") | None => "{\"success\":true}".to_owned(),
        Some(fields) => format!("{{\"success\":true,{fields}"),
    }
}

fn refused(error: &GatekeeperError, name: &str) -> Response {
    // An id that names nothing is `invalidId` here, which is a request's fault.
    let status = if error.status() == 401 { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    json_text(status, json!({ "success": false, "error": name, "reason": error.message() }).to_string())
}
