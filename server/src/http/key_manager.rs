//! The key manager's REST API: operations of the table with responses in its own format, `{success, …}`.
//!
//! Existing clients send JSON as `text/plain` or without a type, so every content type is accepted.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use gatekeeper::GatekeeperError;
use gatekeeper::internal::OperationDescriptor;
use gatekeeper::internal::Schemeless;
use serde_json::json;

use super::app::App;
use super::body::read;
use super::context::RequestContext;
use super::credential::presented;
use super::dispatch::call;
use super::response::{json_text, with_error_headers};

/// Handles a request for an operation of the key manager.
pub(crate) async fn run(
    app: Arc<App>,
    descriptor: &'static OperationDescriptor,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let caller = app.gatekeeper().presenting(presented(&parts.headers, Schemeless::Read), &app.credentials);
    let caller = RequestContext::of(&parts).attribute(&caller);
    let result = async {
        let body = match read(&app, &parts, body).await {
            Ok(body) => {
                String::from_utf8(body).map_err(|_| GatekeeperError::bad_request("the body is not UTF-8"))
            }
            Err(error) => Err(error),
        };
        match body {
            Ok(body) => call(&app, caller, descriptor, body, Vec::new()).await,
            // A wrong root key takes precedence over an unreadable body.
            Err(error) => app.work.run(move || caller.check_credential().and(Err(error))).await,
        }
    };
    match result.await {
        Ok(response) => json_text(StatusCode::OK, successful(&response)),
        Err(error) => rejection(&error),
    }
}

/// Adds `success` before the fields of an object.
fn successful(response: &str) -> String {
    match response.strip_prefix('{') {
        Some("}") | None => "{\"success\":true}".to_owned(),
        Some(fields) => format!("{{\"success\":true,{fields}"),
    }
}

/// The response to the error of an operation.
pub(crate) fn rejection(error: &GatekeeperError) -> Response {
    match error.kind().key_manager() {
        // The API has no 404: an unknown id is an error of the request.
        Some("invalidId") => in_shape(error, "invalidId", 400),
        Some(name) => in_shape(error, name, error.status()),
        None => of_route(error),
    }
}

/// The response to an error without a name in the API's union of errors: its code, in camel case.
pub(crate) fn of_route(error: &GatekeeperError) -> Response {
    in_shape(error, &in_camel_case(error.code()), error.status())
}

fn in_shape(error: &GatekeeperError, name: &str, status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "success": false, "error": name, "reason": error.message() });
    with_error_headers(json_text(status, body.to_string()), error)
}

fn in_camel_case(code: &str) -> String {
    let mut words = code.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        name + &initial.to_ascii_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_name_in_the_union_is_named_after_its_code() {
        assert_eq!(in_camel_case("service_unavailable"), "serviceUnavailable");
        assert_eq!(in_camel_case("internal"), "internal");
    }
}
