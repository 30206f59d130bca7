//! Wraps every request: assigns its id, measures and logs it, and turns a panic into a 500 response.

mod log_line;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use gatekeeper::GatekeeperError;

use super::app::App;
use super::context::{OperationName, RequestContext};
use super::fallback;
use super::protocol;
use super::request_id::{HEADER, RequestId};
use super::response::failure;
use log_line::{RequestLine, log};

/// Assigns the request's id, runs it, and records its response in metrics and the log.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    #[allow(clippy::disallowed_methods, reason = "measures time for metrics and logs only")]
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let context = RequestContext::new(&app.config.proxies, &request);
    let line = RequestLine::new(&request, id.clone(), context.clone());
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(context);
    let handled = async {
        match protocol::check(request.version(), request.headers()) {
            Ok(()) => next.run(request).await,
            Err(violation) => fallback::protocol_error(request.uri().path(), violation, &id),
        }
    };
    let mut response = AssertUnwindSafe(handled)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| failure(&GatekeeperError::internal(panic_message(&*panic)), &id));
    let name = response.extensions().get().map_or("none", |OperationName(name)| name);
    let after = began.elapsed();
    app.metrics.record(name, response.status().as_str(), after);
    log(&line, &response, name, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
