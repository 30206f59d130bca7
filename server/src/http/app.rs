//! The state that all routes share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::CredentialCache;
use gatekeeper::{Endpoints, Result};

use super::blocking_pool::BlockingPool;
use super::body_memory::Bodies;
use super::config::Config;
use super::export_slots::Exports;
use super::metrics::Metrics;
use super::signup::SignupRule;

/// The maximum number of cached credentials.
const MAX_CACHED_CREDENTIALS: usize = 10_000;

/// The state of a server.
pub(crate) struct App {
    gatekeeper: ArcSwap<Gatekeeper>,
    pub(crate) config: Config,
    pub(crate) signup: SignupRule,
    pub(crate) credentials: CredentialCache,
    pub(crate) lookups: BlockingPool,
    pub(crate) work: BlockingPool,
    pub(crate) bodies: Bodies,
    pub(crate) exports: Exports,
    pub(crate) metrics: Metrics,
}

impl App {
    pub(crate) fn new(gatekeeper: &Gatekeeper, config: Config, signup: SignupRule) -> Result<Arc<Self>> {
        let metrics = Metrics::new()?;
        let gatekeeper = gatekeeper.with_verdict_counters(Arc::clone(&metrics.verdicts));
        Ok(Arc::new(Self {
            gatekeeper: ArcSwap::from_pointee(gatekeeper),
            config,
            signup,
            credentials: CredentialCache::new(MAX_CACHED_CREDENTIALS),
            lookups: BlockingPool::for_lookups(),
            work: BlockingPool::for_work(),
            bodies: Bodies::new(),
            exports: Exports::new(),
            metrics,
        }))
    }

    /// The database, as the operator.
    pub(crate) fn gatekeeper(&self) -> Gatekeeper {
        Gatekeeper::clone(&self.gatekeeper.load())
    }

    /// The number of blocking tasks of each kind.
    pub(crate) fn blocking_tasks(&self) -> [(&'static str, usize); 2] {
        [("lookup", self.lookups.active()), ("operation", self.work.active())]
    }

    /// Replaces the endpoints for all verifications that start from now on.
    pub(crate) fn replace_endpoints(&self, endpoints: Endpoints) {
        self.gatekeeper.store(Arc::new(self.gatekeeper.load().with_endpoints(endpoints)));
    }
}
