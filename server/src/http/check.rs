//! What gateways ask before they let a request through: may this key use this endpoint now?
//!
//! Whoever can reach this address may ask about every key, so it is an address of its own. What is asked stands in the
//! query. Headers are the client's and say nothing, unless the gateway asks for them by the query `headers`, and sets or
//! removes all of them; and but for `X-Forwarded-Method` where it asks for `preflight=pass` without `method`, which it then
//! has to set.
//!
//! Whose keys count is configured. The query `tenant` chooses among those tenants; a header never does: a gateway that
//! forgot to set it would pass on the client's.

mod question;

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use gatekeeper::guard::Schemeless;
use gatekeeper::{ErrorKind, Gatekeeper, GatekeeperError, KeyVerdict, Result, VerdictCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::answer::{RateLimit, failure, json_text};
use super::app::App;
use super::credential::presented;
use super::observe::OperationName;
use super::request_id::RequestId;
use question::{Asked, Question, asked, forwarded_method, in_headers};

/// What stands for itself in a header: all but what separates, is no visible ASCII, or begins an escape.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%').add(b'"');
/// Whose key it is: its id, tenant, owner, roles and scopes.
const IDENTITY: [HeaderName; 5] = [
    HeaderName::from_static("x-gatekeeper-key-id"),
    HeaderName::from_static("x-gatekeeper-tenant-id"),
    HeaderName::from_static("x-gatekeeper-owner-id"),
    HeaderName::from_static("x-gatekeeper-roles"),
    HeaderName::from_static("x-gatekeeper-scopes"),
];
/// What nginx is told that it cannot pass on: it knows no rejections but 401 and 403.
const STATUS: HeaderName = HeaderName::from_static("x-gatekeeper-status");

/// For Caddy, Traefik, and whatever passes a rejection on as it is.
pub(crate) async fn plain(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let asked = asked(uri.query(), &headers);
    OperationName("check").on(answer(&app, &id, asked, forwarded_method(&headers), &headers).await)
}

/// For Envoy, which keeps the method of the client's request, and appends its path and query: what is asked stands in
/// headers alone.
pub(crate) async fn for_envoy(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    OperationName("check").on(answer(&app, &id, in_headers(&headers), Some(method.as_str()), &headers).await)
}

/// For nginx, which turns any status but 2xx, 401 and 403 into 500: the status stands in `X-Gatekeeper-Status`, too. It
/// asks by GET, and passes on any `X-Forwarded-Method` of the client: the method stands in the query alone.
pub(crate) async fn for_nginx(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut response = answer(&app, &id, asked(uri.query(), &headers), None, &headers).await;
    let status = response.status();
    response.headers_mut().insert(STATUS, status.as_u16().into());
    if !status.is_success() && status != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    OperationName("check").on(response)
}

/// The answer to a question about a request of this method, where it is known.
async fn answer(
    app: &App,
    id: &RequestId,
    asked: Result<Asked>,
    method: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let question = asked.and_then(|asked| Question::read(asked, &app.config.gateway_tenants));
    let answered = async {
        let question = question?;
        if question.is_passed_preflight(method, headers)? {
            return Ok(passed([const { String::new() }; 5]));
        }
        Ok(answered(&verdict(app, question, headers).await?, id))
    };
    answered.await.unwrap_or_else(|error| failure(&error, id))
}

async fn verdict(app: &App, question: Question, headers: &HeaderMap) -> Result<KeyVerdict> {
    let mut verification = question.verification;
    verification.key = presented(headers, Schemeless::Ignored).api_key()?;
    let gatekeeper = app.gatekeeper();
    match gatekeeper.try_call(&verification)? {
        Some(verdict) => Ok(verdict),
        None => app.lookups.run(move || Gatekeeper::call_blocking(&gatekeeper, verification)).await,
    }
}

/// A verdict as a status. What is rejected tells nobody whose key it was.
fn answered(verdict: &KeyVerdict, id: &RequestId) -> Response {
    let rejected = |kind, message: &str| failure(&GatekeeperError::new(kind, message), id);
    let retry_after = verdict.retry_after_ms.unwrap_or_default().div_ceil(1000);
    let mut response = match verdict.code {
        VerdictCode::Valid => passed(identity(verdict)),
        VerdictCode::InvalidKey => {
            rejected(ErrorKind::CredentialInvalid, "the API key is missing or not valid")
        }
        VerdictCode::InsufficientScope => rejected(ErrorKind::Forbidden, "the API key is not good for this"),
        VerdictCode::RateLimited => limited(retry_after, id),
    };
    if let (Some(total), Some(remaining)) = (verdict.total, verdict.remaining) {
        let limit = RateLimit {
            name: "endpoint",
            total: total.into(),
            window_seconds: None,
            remaining: remaining.into(),
            wait_seconds: (!verdict.ok).then_some(retry_after),
        };
        limit.tell(response.headers_mut());
    }
    response
}

/// Lets a request through, and says whose key it is: all of it in any case, so that none is left to a client.
fn passed(identity: [String; 5]) -> Response {
    let mut response = json_text(StatusCode::OK, r#"{"ok":true}"#.to_owned());
    for (name, value) in IDENTITY.into_iter().zip(identity) {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Whose key it is, in the order of [`IDENTITY`].
fn identity(verdict: &KeyVerdict) -> [String; 5] {
    let listed = |names: &[&str]| names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join(",");
    let roles: Vec<&str> = verdict.roles.iter().flatten().map(AsRef::as_ref).collect();
    let scopes: Vec<&str> = verdict.scopes.iter().flatten().map(String::as_str).collect();
    [
        verdict.key_id.map(|id| id.to_string()).unwrap_or_default(),
        verdict.tenant_id.map(|id| id.to_string()).unwrap_or_default(),
        escaped(verdict.owner_id.as_deref().unwrap_or_default()),
        listed(&roles),
        listed(&scopes),
    ]
}

fn limited(seconds: u64, id: &RequestId) -> Response {
    let error = GatekeeperError::new(ErrorKind::RateLimited, "the limit of this API key is reached");
    failure(&error.after(u32::try_from(seconds).unwrap_or(u32::MAX)), id)
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_header_ends_no_header_and_no_list() {
        assert_eq!(escaped("a,b\r\nX: é%"), "a%2Cb%0D%0AX:%20%C3%A9%25");
    }
}
