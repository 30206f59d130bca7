//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, get, on};
use gatekeeper::{Access, Entry, Gatekeeper, Method, TABLE};

use super::source::Proxies;
use super::{key_manager, operation, request_id, system};

/// How the server behaves.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Proxies,
}

/// A place, served.
pub(crate) struct App {
    pub(crate) place: Gatekeeper,
    pub(crate) config: Config,
}

/// Every route of the server.
pub fn app(place: Gatekeeper, config: Config) -> Router {
    let app = Arc::new(App { place, config });
    let mut router = Router::new()
        .route("/health", get(system::health))
        .route("/ready", get(system::ready))
        .route("/.well-known/jwks.json", get(system::jwks))
        .route("/v1/.well-known/jwks.json", get(system::jwks))
        .with_state(Arc::clone(&app));
    for entry in TABLE {
        router = router.route(entry.route.path, mounted(&app, entry));
    }
    router
        .fallback(operation::no_such_path)
        .method_not_allowed_fallback(operation::no_such_method)
        .layer(from_fn(request_id::identify))
}

fn mounted(app: &Arc<App>, entry: &'static Entry) -> axum::routing::MethodRouter {
    let app = Arc::clone(app);
    on(filter(entry.route.method), move |request: Request| {
        let app = Arc::clone(&app);
        async move {
            match entry.access {
                Access::KeyManager => key_manager::run(app, entry, request).await,
                _ => operation::run(app, entry, request).await,
            }
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
