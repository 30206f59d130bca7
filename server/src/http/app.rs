//! The routes, and what they all need.

use std::future::ready;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};
use axum::{Router, http};
use gatekeeper::{
    Access, CredentialCache, Endpoints, Gatekeeper, Method, OperationDescriptor, Result, TABLE,
};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use super::blocking_pool::BlockingPool;
use super::body::Bodies;
use super::config::{Config, Exposure};
use super::export::Exports;
use super::metrics::Metrics;
use super::observe::{OperationName, observe};
use super::signup::SignupRule;
use super::{check, key_manager, operation, system};

/// How many root keys are remembered.
const MAX_CALLERS: usize = 10_000;

/// A place, served.
pub(crate) struct App {
    gatekeeper: ArcSwap<Gatekeeper>,
    pub(crate) config: Config,
    pub(crate) signup: SignupRule,
    pub(crate) callers: CredentialCache,
    pub(crate) lookups: BlockingPool,
    pub(crate) work: BlockingPool,
    pub(crate) bodies: Bodies,
    pub(crate) exports: Exports,
    pub(crate) metrics: Metrics,
}

impl App {
    pub(crate) fn new(gatekeeper: &Gatekeeper, config: Config, signup: SignupRule) -> Result<Arc<Self>> {
        let metrics = Metrics::new()?;
        let gatekeeper = gatekeeper.counting(Arc::clone(&metrics.decisions));
        Ok(Arc::new(Self {
            gatekeeper: ArcSwap::from_pointee(gatekeeper),
            config,
            signup,
            callers: CredentialCache::new(MAX_CALLERS),
            lookups: BlockingPool::of_lookups(),
            work: BlockingPool::of_work(),
            bodies: Bodies::new(),
            exports: Exports::new(),
            metrics,
        }))
    }

    /// The place, as whoever runs it.
    pub(crate) fn gatekeeper(&self) -> Gatekeeper {
        Gatekeeper::clone(&self.gatekeeper.load())
    }

    /// Verifies against these endpoints from now on.
    pub(crate) fn replace_endpoints(&self, endpoints: Endpoints) {
        self.gatekeeper.store(Arc::new(self.gatekeeper.load().with_endpoints(endpoints)));
    }
}

/// Every route of the server.
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
        router.fallback(operation::no_such_path).method_not_allowed_fallback(operation::no_such_method);
    let router = match app.config.cors_origins.as_slice() {
        [] => router,
        origins => router.layer(cors(origins)),
    };
    let router = router.layer(from_fn_with_state(Arc::clone(app), observe));
    match (&app.config.tls, app.config.hsts_seconds) {
        (None, _) | (_, 0) => router,
        (Some(_), seconds) => router.layer(map_response(move |answer| ready(secured(answer, seconds)))),
    }
}

/// The pages for operators that are served at this address.
fn with_pages(mut router: Router<Arc<App>>, config: &Config, address: Exposure) -> Router<Arc<App>> {
    if config.metrics == address {
        router = router.route("/metrics", get(system::metrics));
    }
    if config.docs == address {
        router = router
            .route("/openapi.json", get(system::openapi))
            .route("/docs", get(system::docs))
            // Relative, so that they lead there behind a proxy's prefix, too.
            .route("/docs/", get(|| async { system::moved("../docs") }))
            .route("/", get(|| async { system::moved("docs") }));
    }
    router
}

/// Tells browsers to come by TLS alone from now on.
fn secured(mut answer: Response, seconds: u64) -> Response {
    if let Ok(value) = http::HeaderValue::try_from(format!("max-age={seconds}")) {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value);
    }
    answer
}

/// What gateways ask, on an address of their own.
pub(crate) fn gateway_routes(app: &Arc<App>) -> Router {
    with_pages(Router::new(), &app.config, Exposure::Gateway)
        .route("/check", any(check::plain))
        .route("/check/nginx", any(check::for_nginx))
        .route("/check/envoy", any(check::for_envoy))
        .route("/check/envoy/", any(check::for_envoy))
        .route("/check/envoy/{*path}", any(check::for_envoy))
        .route("/health", get(system::health))
        .with_state(Arc::clone(app))
        .fallback(operation::no_such_path)
        .method_not_allowed_fallback(operation::no_such_method)
        .layer(from_fn_with_state(Arc::clone(app), observe))
}

fn mounted(app: &Arc<App>, descriptor: &'static OperationDescriptor) -> MethodRouter {
    let app = Arc::clone(app);
    on(filter(descriptor.route.method), move |request: Request| {
        let app = Arc::clone(&app);
        async move {
            let answer = match descriptor.access {
                Access::KeyManager => key_manager::run(app, descriptor, request).await,
                _ => operation::run(app, descriptor, request).await,
            };
            OperationName(descriptor.name).on(answer)
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

/// Credentials stand in headers, never in cookies: no page can use a visitor's.
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
