//! The one handler of every operation.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Extension, FromRequestParts as _, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::Response;
use gatekeeper::{Entry, ErrorKind, Gatekeeper, GatekeeperError, Method, Result};
use tokio::task::spawn_blocking;

use super::answer::{failure, refusal, success};
use super::app::App;
use super::credential::as_caller;
use super::request_id::RequestId;

/// The longest body, in bytes.
const MOST_BODY: usize = 1024 * 1024;

/// Answers a request to an operation.
pub(crate) async fn run(app: Arc<App>, entry: &'static Entry, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = RequestId::of_parts(&parts);
    let answered = async {
        let caller = caller(&app, &parts);
        let texts = texts(entry, &mut parts).await?;
        let json = json(entry, &parts.headers, body).await?;
        call(caller, entry, json, texts).await
    };
    match answered.await {
        Ok(data) => success(entry.route.status, &data),
        Err(error) => failure(&error, &id),
    }
}

/// Runs the operation where waiting for the disk holds up nobody else.
async fn call(
    caller: Gatekeeper,
    entry: &'static Entry,
    json: String,
    texts: Vec<(String, String)>,
) -> Result<String> {
    let work = move || {
        let request = gatekeeper::Request { json: &json, texts: &texts };
        caller.call_entry_blocking(entry, request)
    };
    spawn_blocking(work).await.unwrap_or_else(|failed| Err(GatekeeperError::internal(failed)))
}

/// The place, as the caller of this request.
fn caller(app: &App, parts: &Parts) -> Gatekeeper {
    let caller = as_caller(&app.place, &parts.headers);
    match parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        Some(ConnectInfo(peer)) => caller.from_source(&app.config.proxies.source(peer.ip(), &parts.headers)),
        None => caller,
    }
}

/// What stands in the path and in the query. A route with a body refuses a query.
async fn texts(entry: &Entry, parts: &mut Parts) -> Result<Vec<(String, String)>> {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    if has_body(entry) && !query.is_empty() {
        return Err(GatekeeperError::bad_request("this route takes no query: put the fields into the body"));
    }
    let path = RawPathParams::from_request_parts(parts, &()).await;
    let path = path.map_err(|_| GatekeeperError::bad_request("the path is not UTF-8"))?;
    let from_path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(from_path.chain(form_urlencoded::parse(query.as_bytes()).into_owned()).collect())
}

/// The body: a JSON object, or nothing.
async fn json(entry: &Entry, headers: &HeaderMap, body: Body) -> Result<String> {
    let body = read(body).await?;
    if body.is_empty() {
        return Ok("{}".to_owned());
    }
    if !has_body(entry) {
        return Err(GatekeeperError::bad_request("this route takes no body: put the fields into the query"));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    {
        let message = "the body must be JSON, with the header Content-Type: application/json";
        return Err(GatekeeperError::new(ErrorKind::UnsupportedMediaType, message));
    }
    String::from_utf8(body.into()).map_err(|_| GatekeeperError::bad_request("the body is not UTF-8"))
}

/// A body of at most 1 MiB.
pub(crate) async fn read(body: Body) -> Result<Bytes> {
    to_bytes(body, MOST_BODY).await.map_err(|_| {
        GatekeeperError::new(ErrorKind::PayloadTooLarge, "the body must be whole, and at most 1 MiB")
    })
}

fn has_body(entry: &Entry) -> bool {
    matches!(entry.route.method, Method::Post | Method::Patch | Method::Put)
}

/// What a path that is not there is answered.
pub(crate) async fn no_such_path(Extension(id): Extension<RequestId>) -> Response {
    refusal(ErrorKind::NotFound, "there is nothing at this path", &id)
}

/// What a method that a path does not have is answered; `Allow` is added by the router.
pub(crate) async fn no_such_method(Extension(id): Extension<RequestId>) -> Response {
    refusal(ErrorKind::MethodNotAllowed, "this path does not have this method: see the header Allow", &id)
}
