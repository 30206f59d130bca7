//! What gateways ask before they let a request through: may this key use this endpoint now?
//!
//! Whoever can reach this address may ask about every key, so it is an address of its own. What is asked stands in the
//! query. Headers are the client's and say nothing, unless the gateway asks for them by the query `headers`, and sets or
//! removes all of them.
//!
//! Whose keys count is configured. The query `tenant` chooses among those tenants; a header never does: a gateway that
//! forgot to set it would pass on the client's.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use gatekeeper::{
    ErrorKind, Gatekeeper, GatekeeperError, KeyVerdict, Result, Tenants, VerdictCode, VerifyApiKey,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::answer::{RateLimit, failure, json_text};
use super::app::App;
use super::credential::{Bare, Shown};
use super::observe::Named;
use super::request_id::RequestId;

/// What stands for itself in a header: all but what separates, is no visible ASCII, or begins an escape.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%').add(b'"');
/// What is asked in headers, where the query says so.
const IN_HEADERS: &str = "headers";
/// What nginx is told that it cannot pass on: it knows no refusals but 401 and 403.
const STATUS: HeaderName = HeaderName::from_static("x-gatekeeper-status");

/// For Caddy, Traefik, and whatever passes a refusal on as it is.
pub(crate) async fn plain(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    Named("check").on(answer(&app, &id, asked(uri.query(), &headers), &headers).await)
}

/// For Envoy, which appends the path and the query of the client's request: what is asked stands in headers alone.
pub(crate) async fn for_envoy(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
) -> Response {
    Named("check").on(answer(&app, &id, in_headers(&headers), &headers).await)
}

/// For nginx, which turns any status but 2xx, 401 and 403 into 500: the status stands in `X-Gatekeeper-Status`, too.
pub(crate) async fn for_nginx(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut response = answer(&app, &id, asked(uri.query(), &headers), &headers).await;
    let status = response.status();
    response.headers_mut().insert(STATUS, status.as_u16().into());
    if !status.is_success() && status != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    Named("check").on(response)
}

async fn answer(app: &App, id: &RequestId, asked: Result<Asked>, headers: &HeaderMap) -> Response {
    match judged(app, asked, headers).await {
        Ok(verdict) => answered(&verdict, id),
        Err(error) => failure(&error, id),
    }
}

async fn judged(app: &App, asked: Result<Asked>, headers: &HeaderMap) -> Result<KeyVerdict> {
    let question = question(asked?, headers, &app.config.gateway_tenants)?;
    let place = app.place();
    match place.try_call(&question)? {
        Some(verdict) => Ok(verdict),
        None => app.lookups.run(move || Gatekeeper::call_blocking(&place, question)).await,
    }
}

fn question(asked: Asked, headers: &HeaderMap, accepted: &Tenants) -> Result<VerifyApiKey> {
    let mut question = VerifyApiKey::new(Shown::by(headers, Bare::Ignored).key()?, "");
    let (mut endpoint, mut cost, mut tenants) = (None, None, Vec::new());
    for (name, value) in asked {
        match name.as_str() {
            "endpoint" if endpoint.is_none() => endpoint = Some(value),
            "variable" => question.variables.push(value),
            "scope" => question.scopes.push(value),
            "tenant" => tenants.push(value),
            "cost" if cost.is_none() => {
                cost = Some(value.parse().map_err(|_| bad("cost must be a whole number"))?);
            }
            _ => {
                return Err(bad(
                    "give endpoint and cost once, variable, scope and tenant as often as needed, and nothing else",
                ));
            }
        }
    }
    question.endpoint = endpoint.ok_or_else(|| bad("endpoint is missing: ask for /check?endpoint=NAME"))?;
    question.cost = cost.unwrap_or(1);
    question.tenants = Some(chosen(&tenants, accepted)?);
    Ok(question)
}

/// The tenants that a question names, of those that are accepted; all of these where it names none.
fn chosen(tenants: &[String], accepted: &Tenants) -> Result<Tenants> {
    if tenants.is_empty() {
        return Ok(accepted.clone());
    }
    let chosen = Tenants::named(tenants)?;
    let are_accepted = chosen.ids().is_some_and(|ids| ids.iter().all(|id| accepted.includes(*id)));
    are_accepted.then_some(chosen).ok_or_else(|| {
        bad("tenant must be an id of one that `tenants` of [gateway] in gatekeeper.toml names, or default")
    })
}

/// What is asked: names and values.
type Asked = Vec<(String, String)>;

fn asked(query: Option<&str>, headers: &HeaderMap) -> Result<Asked> {
    let asked: Asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    if !asked.iter().any(|(name, value)| name == IN_HEADERS && value.is_empty()) {
        return Ok(asked);
    }
    let mut question = in_headers(headers)?;
    for (name, value) in asked {
        match name.as_str() {
            IN_HEADERS => {}
            "tenant" => question.push((name, value)),
            _ => return Err(bad("beside headers, the query can name tenants alone")),
        }
    }
    Ok(question)
}

fn in_headers(headers: &HeaderMap) -> Result<Asked> {
    let mut asked = Vec::new();
    for name in ["endpoint", "variable", "scope", "cost"] {
        for value in headers.get_all(format!("x-gatekeeper-{name}")) {
            let value = std::str::from_utf8(value.as_bytes()).map_err(|_| bad("a header is not UTF-8"))?;
            asked.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(asked)
}

fn bad(message: &str) -> GatekeeperError {
    GatekeeperError::bad_request(message)
}

/// A verdict as a status. What is refused tells nobody whose key it was.
fn answered(verdict: &KeyVerdict, id: &RequestId) -> Response {
    let refused = |kind, message: &str| failure(&GatekeeperError::new(kind, message), id);
    let retry_after = verdict.retry_after_ms.unwrap_or_default().div_ceil(1000);
    let mut response = match verdict.code {
        VerdictCode::Valid => json_text(StatusCode::OK, r#"{"ok":true}"#.to_owned()),
        VerdictCode::InvalidKey => {
            refused(ErrorKind::CredentialInvalid, "the API key is missing or not valid")
        }
        VerdictCode::InsufficientScope => refused(ErrorKind::Forbidden, "the API key is not good for this"),
        VerdictCode::RateLimited => limited(retry_after, id),
    };
    if verdict.ok {
        identify(response.headers_mut(), verdict);
    }
    if let Some(total) = verdict.total {
        let limit = RateLimit { name: "endpoint", total: total.into(), window_seconds: None };
        limit.tell(response.headers_mut(), (!verdict.ok).then_some(retry_after));
    }
    response
}

/// Says whose key it is, for what is protected: all of it in any case, so that none is left to a client.
fn identify(headers: &mut HeaderMap, verdict: &KeyVerdict) {
    let listed = |names: &[&str]| names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join(",");
    let roles: Vec<&str> = verdict.roles.iter().flatten().map(AsRef::as_ref).collect();
    let scopes: Vec<&str> = verdict.scopes.iter().flatten().map(String::as_str).collect();
    for (name, value) in [
        ("x-gatekeeper-key-id", verdict.key_id.map(|id| id.to_string()).unwrap_or_default()),
        ("x-gatekeeper-tenant-id", verdict.tenant_id.map(|id| id.to_string()).unwrap_or_default()),
        ("x-gatekeeper-owner-id", escaped(verdict.owner_id.as_deref().unwrap_or_default())),
        ("x-gatekeeper-roles", listed(&roles)),
        ("x-gatekeeper-scopes", listed(&scopes)),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
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

    fn read(query: &str) -> Result<(String, Vec<String>, Vec<String>, u32)> {
        let mut headers = HeaderMap::new();
        headers.insert("x-gatekeeper-endpoint", HeaderValue::from_static("CHEAP"));
        headers.insert("x-gatekeeper-variable", HeaderValue::from_static("fresh"));
        let question = question(asked(Some(query), &headers)?, &headers, &Tenants::DEFAULT)?;
        Ok((question.endpoint, question.variables, question.scopes, question.cost))
    }

    #[test]
    fn a_question_is_read_from_a_query() {
        let (endpoint, variables, scopes, cost) =
            read("endpoint=GET&variable=a%26b&scope=read&scope=write&cost=2").unwrap();
        assert_eq!((endpoint.as_str(), cost), ("GET", 2));
        assert_eq!(
            (variables, scopes),
            (vec!["a&b".to_owned()], vec!["read".to_owned(), "write".to_owned()])
        );
    }

    #[test]
    fn headers_are_asked_only_where_the_gateway_says_so() {
        let (endpoint, variables, ..) = read("endpoint=GET").unwrap();
        assert_eq!((endpoint.as_str(), variables.len()), ("GET", 0));
        assert!(read("").is_err());
        let (endpoint, variables, ..) = read("headers").unwrap();
        assert_eq!((endpoint.as_str(), variables), ("CHEAP", vec!["fresh".to_owned()]));
    }

    #[test]
    fn a_question_that_is_not_one_is_refused() {
        for wrong in [
            "",
            "variable=a",
            "endpoint=A&endpoint=B",
            "endpoint=A&cost=x",
            "endpoint=A&key=x",
            "endpoint=A&cost=1&cost=3",
        ] {
            assert_eq!(read(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }

    const ACME: &str = "tnt_01jdx0x3v0f7zsn8f4k3m9qz5r";

    /// Whose keys count, where these tenants are configured.
    fn tenants(configured: &str, query: &str) -> Result<Tenants> {
        let mut headers = HeaderMap::new();
        headers.insert("x-gatekeeper-endpoint", HeaderValue::from_static("GET"));
        headers.insert("x-gatekeeper-tenant", HeaderValue::from_static(ACME));
        headers.insert("x-gatekeeper-tenants", HeaderValue::from_static("all"));
        let configured: Vec<&str> = configured.split(' ').collect();
        let question =
            question(asked(Some(query), &headers)?, &headers, &Tenants::named(&configured).unwrap())?;
        Ok(question.tenants.unwrap())
    }

    #[test]
    fn the_query_chooses_among_the_tenants_that_are_configured_and_a_header_never_does() {
        let both = format!("default {ACME}");
        for query in ["endpoint=GET", "headers"] {
            assert_eq!(tenants("default", query).unwrap(), Tenants::DEFAULT);
            assert_eq!(tenants(&both, query).unwrap(), Tenants::named(&["default", ACME]).unwrap());
            let query = format!("{query}&tenant={ACME}");
            assert_eq!(tenants(&both, &query).unwrap(), Tenants::named(&[ACME]).unwrap());
            assert_eq!(tenants("all", &query).unwrap(), Tenants::named(&[ACME]).unwrap());
            assert_eq!(tenants("default", &query).unwrap_err().status(), 400);
            let query = format!("{query}&tenant=default");
            assert_eq!(tenants(&both, &query).unwrap(), Tenants::named(&["default", ACME]).unwrap());
            for wrong in ["all", "", "canary"] {
                let wrong = tenants(&both, &format!("endpoint=GET&tenant={wrong}")).unwrap_err();
                assert!(wrong.status() == 400 && !wrong.message().contains("canary"), "{wrong}");
            }
        }
        assert_eq!(tenants("all", "endpoint=GET").unwrap(), Tenants::ALL);
    }

    #[test]
    fn beside_headers_the_query_can_name_tenants_alone() {
        for both in ["headers&endpoint=OTHER", "headers&scope=read", "cost=1&headers", "headers&nothing=x"] {
            assert_eq!(read(both).unwrap_err().status(), 400, "{both}");
        }
    }

    #[test]
    fn what_goes_into_a_header_ends_no_header_and_no_list() {
        assert_eq!(escaped("a,b\r\nX: é%"), "a%2Cb%0D%0AX:%20%C3%A9%25");
    }
}
