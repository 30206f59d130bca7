//! The routes of the main address and of the gateway address.

use std::future::ready;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};
use axum::{Router, http};
use gatekeeper::internal::{Access, Method, OperationDescriptor, TABLE};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use super::app::App;
use super::config::{Config, Exposure};
use super::context::OperationName;
use super::observe::observe;
use super::{check, fallback, key_manager, operation, system};

/// All routes of the main address.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    let mut router = Router::new().route("/health", get(system::health)).route("/ready", get(system::ready));
    router = with_pages(router, &app.config, Exposure::Main);
    for path in ["/.well-known/jwks.json", "/v1/.well-known/jwks.json"] {
        router = router.route(path, get(system::jwks));
    }
    let mut router = router.with_state(Arc::clone(app));
    for descriptor in TABLE {
        router = router.route(descriptor.route.path, mounted(app, descriptor));
    }
    let router =
        router.fallback(fallback::not_found).method_not_allowed_fallback(fallback::method_not_allowed);
    let router = match app.config.cors_origins.as_slice() {
        [] => router,
        origins => router.layer(cors(origins)),
    };
    let router = router.layer(from_fn_with_state(Arc::clone(app), observe));
    match (&app.config.tls, app.config.hsts_seconds) {
        (None, _) | (_, 0) => router,
        (Some(_), seconds) => router.layer(map_response(move |response| ready(secured(response, seconds)))),
    }
}

/// Adds the operators' pages that this address serves.
fn with_pages(mut router: Router<Arc<App>>, config: &Config, address: Exposure) -> Router<Arc<App>> {
    if config.metrics == address {
        router = router.route("/metrics", get(system::metrics));
    }
    if config.docs == address {
        router = router
            .route("/openapi.json", get(system::openapi))
            .route("/docs", get(system::docs))
            // Relative, so that the redirect also works behind a proxy that adds a path prefix.
            .route("/docs/", get(|| async { system::moved("../docs") }))
            .route("/", get(|| async { system::moved("docs") }));
    }
    router
}

/// Adds the HSTS header (RFC 6797).
fn secured(mut response: Response, seconds: u64) -> Response {
    if let Ok(value) = http::HeaderValue::try_from(format!("max-age={seconds}")) {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value);
    }
    response
}

/// The routes of the gateways' address.
pub(crate) fn gateway_routes(app: &Arc<App>) -> Router {
    with_pages(Router::new(), &app.config, Exposure::Gateway)
        .route("/check", any(check::plain))
        .route("/check/nginx", any(check::for_nginx))
        .route("/check/envoy", any(check::for_envoy))
        .route("/check/envoy/", any(check::for_envoy))
        .route("/check/envoy/{*path}", any(check::for_envoy))
        .route("/health", get(system::health))
        .with_state(Arc::clone(app))
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(app), observe))
}

fn mounted(app: &Arc<App>, descriptor: &'static OperationDescriptor) -> MethodRouter {
    let app = Arc::clone(app);
    on(filter(descriptor.route.method), move |request: Request| {
        let app = Arc::clone(&app);
        async move {
            let response = match descriptor.access {
                Access::KeyManager => key_manager::run(app, descriptor, request).await,
                _ => operation::run(app, descriptor, request).await,
            };
            OperationName(descriptor.name).tag(response)
        }
    })
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// Allows cross-origin requests. Credentials are in headers, never in cookies, so a page cannot use its visitor's.
fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            origins.iter().filter_map(|origin| http::HeaderValue::try_from(origin.as_str()).ok()),
        )
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
}
