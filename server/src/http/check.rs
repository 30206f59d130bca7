//! `/check`: a gateway asks whether a key may use an endpoint now, before it forwards the client's request.
//!
//! A client that can reach this route can check any key, so it has a separate address. The gateway describes the
//! request in the query. Headers come from the client and are ignored, with two exceptions. With `headers` in the
//! query, the gateway describes the request in headers instead, and must set or remove each of them. With
//! `preflight=pass` but no `method` in the query, the gateway must set `X-Forwarded-Method`.
//!
//! The accepted tenants are configured. The query parameter `tenant` selects some of them. No header can, because a
//! gateway that does not set the header would forward the client's.

mod parameters;

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use gatekeeper::blocking::wait;
use gatekeeper::internal::Schemeless;
use gatekeeper::internal::Started;
use gatekeeper::keys::KeyVerdict;
use gatekeeper::{ErrorKind, GatekeeperError, Result, VerdictCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::app::App;
use super::context::OperationName;
use super::credential::presented;
use super::request_id::RequestId;
use super::response::{RateLimit, failure, json_text};
use parameters::{CheckRequest, QueryParams, forwarded_method, params_in_headers, read_params};

/// The characters to percent-encode in a header: everything but visible ASCII, the separators, and the escape itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%').add(b'"');
/// The headers that identify the key: its id, tenant, owner, roles and scopes.
const IDENTITY: [HeaderName; 5] = [
    HeaderName::from_static("x-gatekeeper-key-id"),
    HeaderName::from_static("x-gatekeeper-tenant-id"),
    HeaderName::from_static("x-gatekeeper-owner-id"),
    HeaderName::from_static("x-gatekeeper-roles"),
    HeaderName::from_static("x-gatekeeper-scopes"),
];
/// The status for nginx, which can only forward 401 and 403.
const STATUS: HeaderName = HeaderName::from_static("x-gatekeeper-status");

/// The route for Caddy, Traefik, and other gateways that forward a rejection unchanged.
pub(crate) async fn plain(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let params = read_params(uri.query(), &headers);
    OperationName("check").tag(respond(&app, &id, params, forwarded_method(&headers), &headers).await)
}

/// The route for Envoy. Envoy keeps the method of the client's request and appends its path and query, so the request
/// is described only in headers.
pub(crate) async fn for_envoy(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    OperationName("check")
        .tag(respond(&app, &id, params_in_headers(&headers), Some(method.as_str()), &headers).await)
}

/// The route for nginx, which turns every status but 2xx, 401 and 403 into 500; `X-Gatekeeper-Status` has the real one.
/// nginx uses GET and forwards a client's `X-Forwarded-Method`, so the method is read only from the query.
pub(crate) async fn for_nginx(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut response = respond(&app, &id, read_params(uri.query(), &headers), None, &headers).await;
    let status = response.status();
    response.headers_mut().insert(STATUS, status.as_u16().into());
    if !status.is_success() && status != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    OperationName("check").tag(response)
}

/// Responds to a gateway. `method` is the method of the client's request, if it is known.
async fn respond(
    app: &App,
    id: &RequestId,
    params: Result<QueryParams>,
    method: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let check = params.and_then(|params| CheckRequest::read(params, &app.config.gateway_tenants));
    let response = async {
        let check = check?;
        if check.is_allowed_preflight(method, headers)? {
            return Ok(allowed([const { String::new() }; 5]));
        }
        Ok(verdict_response(&verdict(app, check, headers).await?, id))
    };
    response.await.unwrap_or_else(|error| failure(&error, id))
}

async fn verdict(app: &App, check: CheckRequest, headers: &HeaderMap) -> Result<KeyVerdict> {
    let mut verification = check.verification;
    verification.key = presented(headers, Schemeless::Ignored).api_key()?;
    match app.gatekeeper().start(verification)? {
        Started::Done(verdict) => Ok(verdict),
        Started::Pending(rest) => app.lookups.run(move || wait(rest.finish())).await,
    }
}

/// The response for a verdict. A rejection does not reveal the key's owner.
fn verdict_response(verdict: &KeyVerdict, id: &RequestId) -> Response {
    let rejected = |kind, message: &str| failure(&GatekeeperError::new(kind, message), id);
    let retry_after = verdict.retry_after_ms.unwrap_or_default().div_ceil(1000);
    let mut response = match verdict.code {
        VerdictCode::Valid => allowed(identity(verdict)),
        VerdictCode::InvalidKey => {
            rejected(ErrorKind::CredentialInvalid, "the API key is missing or not valid")
        }
        VerdictCode::InsufficientScope => {
            rejected(ErrorKind::Forbidden, "the API key lacks a required scope")
        }
        VerdictCode::RateLimited => limited(retry_after, id),
    };
    if let (Some(total), Some(remaining)) = (verdict.total, verdict.remaining) {
        let limit = RateLimit {
            name: "endpoint",
            total: total.into(),
            window_seconds: verdict.window_ms.filter(|ms| ms % 1000 == 0).map(|ms| ms / 1000),
            remaining: remaining.into(),
            wait_seconds: verdict.reset_after_ms.map(|ms| ms.div_ceil(1000)),
        };
        limit.write_to(response.headers_mut());
    }
    response
}

/// Allows the request. Sets every identity header, so that the client cannot supply any of them.
fn allowed(identity: [String; 5]) -> Response {
    let mut response = json_text(StatusCode::OK, r#"{"ok":true}"#.to_owned());
    for (name, value) in IDENTITY.into_iter().zip(identity) {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The values of the headers in [`IDENTITY`].
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
    fn a_value_cannot_end_its_header_or_split_a_list() {
        assert_eq!(escaped("a,b\r\nX: é%"), "a%2Cb%0D%0AX:%20%C3%A9%25");
    }
}
