//! The key manager's REST API: the same operations, answered in its own shape, `{success, …}`.
//!
//! Existing clients send their JSON as `text/plain`, or with no type: any type is read.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use gatekeeper::guard::Schemeless;
use gatekeeper::{GatekeeperError, OperationDescriptor};
use serde_json::json;

use super::answer::{json_text, told};
use super::app::App;
use super::body::read;
use super::credential::presented;
use super::observe::Observed;
use super::operation::call;

/// Answers a request to an operation of the key manager.
pub(crate) async fn run(
    app: Arc<App>,
    descriptor: &'static OperationDescriptor,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let caller = app.gatekeeper().presented(presented(&parts.headers, Schemeless::Read), &app.callers);
    let caller = Observed::of(&parts).calling(&caller);
    let answered = async {
        let body = match read(&app, &parts, body).await {
            Ok(body) => {
                String::from_utf8(body).map_err(|_| GatekeeperError::bad_request("the body is not UTF-8"))
            }
            Err(error) => Err(error),
        };
        match body {
            Ok(body) => call(&app, caller, descriptor, body, Vec::new()).await,
            // A wrong root key is said before a word on the body.
            Err(error) => app.work.run(move || caller.check_credential().and(Err(error))).await,
        }
    };
    match answered.await {
        Ok(answer) => json_text(StatusCode::OK, successful(&answer)),
        Err(error) => rejection(&error),
    }
}

/// An object with `success` in front of its fields.
fn successful(answer: &str) -> String {
    match answer.strip_prefix('{') {
        Some("}") | None => "{\"success\":true}".to_owned(),
        Some(fields) => format!("{{\"success\":true,{fields}"),
    }
}

/// An operation's failure.
pub(crate) fn rejection(error: &GatekeeperError) -> Response {
    match error.kind().key_manager() {
        // An id that names nothing is a request's fault.
        Some("invalidId") => in_shape(error, "invalidId", 400),
        Some(name) => in_shape(error, name, error.status()),
        None => of_route(error),
    }
}

/// A failure that the key manager's union has no name for: it has that of its code.
pub(crate) fn of_route(error: &GatekeeperError) -> Response {
    in_shape(error, &in_camel_case(error.code()), error.status())
}

fn in_shape(error: &GatekeeperError, name: &str, status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "success": false, "error": name, "reason": error.message() });
    told(json_text(status, body.to_string()), error)
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
    fn what_the_union_has_no_name_for_has_that_of_its_code() {
        assert_eq!(in_camel_case("service_unavailable"), "serviceUnavailable");
        assert_eq!(in_camel_case("internal"), "internal");
    }
}
