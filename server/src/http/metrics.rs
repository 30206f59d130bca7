//! What the server tells Prometheus of itself.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use gatekeeper::{GatekeeperError, Result, VerdictCode, VerdictCounters};
use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use super::app::App;

/// Upper bounds of the buckets of latencies, in seconds: from a verification to a login.
const BUCKETS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];

/// The server's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    pub(crate) connections: IntGauge,
    pub(crate) connection_errors: IntCounter,
    cached: IntGaugeVec,
    blocking_tasks: IntGaugeVec,
    pub(crate) decisions: Arc<VerdictCounters>,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self> {
        Self::registered().map_err(GatekeeperError::internal)
    }

    fn registered() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let build =
            IntGaugeVec::new(Opts::new("gatekeeper_build_info", "What is running; always 1."), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let buckets = HistogramOpts::new(
            "gatekeeper_http_request_duration_seconds",
            "Seconds from a request's headers to its answer, by operation.",
        );
        Ok(Self {
            requests: registered(
                &registry,
                IntCounterVec::new(
                    Opts::new(
                        "gatekeeper_http_requests_total",
                        "Requests answered, by operation and status.",
                    ),
                    &["operation", "status"],
                )?,
            )?,
            seconds: registered(
                &registry,
                HistogramVec::new(buckets.buckets(BUCKETS.to_vec()), &["operation"])?,
            )?,
            connections: registered(
                &registry,
                IntGauge::new("gatekeeper_http_connections", "Connections that are open.")?,
            )?,
            connection_errors: registered(
                &registry,
                IntCounter::new(
                    "gatekeeper_http_connection_errors_total",
                    "Connections that were closed for an error in HTTP or TLS, or for a timeout.",
                )?,
            )?,
            cached: registered(
                &registry,
                IntGaugeVec::new(
                    Opts::new("gatekeeper_cache_keys", "Cached keys, and cached digests that no key has."),
                    &["kind"],
                )?,
            )?,
            blocking_tasks: registered(
                &registry,
                IntGaugeVec::new(
                    Opts::new(
                        "gatekeeper_blocking_tasks",
                        "Threads that wait for the disk, by kind of work.",
                    ),
                    &["kind"],
                )?,
            )?,
            decisions: Arc::default(),
            registry,
        })
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, operation: &str, status: &str, after: Duration) {
        self.requests.with_label_values(&[operation, status]).inc();
        self.seconds.with_label_values(&[operation]).observe(after.as_secs_f64());
    }

    /// All of it, in Prometheus' text format.
    pub(crate) fn text(&self, app: &App) -> Result<String> {
        let cache_stats = app.gatekeeper().cache_stats();
        let set = |gauges: &IntGaugeVec, kind: &str, count: usize| {
            gauges.with_label_values(&[kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set(&self.cached, "known", cache_stats.keys);
        set(&self.cached, "unknown", cache_stats.unknown_keys);
        set(&self.blocking_tasks, "lookup", app.lookups.busy());
        set(&self.blocking_tasks, "operation", app.work.busy());
        let others = app.gatekeeper().other_tenants_rejected();
        let mut text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .map_err(GatekeeperError::internal)?;
        let _ = write!(
            text,
            "# HELP gatekeeper_other_tenant_keys_rejected_total Valid keys of tenants that the operator did not name.\n\
             # TYPE gatekeeper_other_tenant_keys_rejected_total counter\n\
             gatekeeper_other_tenant_keys_rejected_total {others}\n"
        );
        text.push_str("# HELP gatekeeper_decisions_total Verifications, by outcome.\n");
        text.push_str("# TYPE gatekeeper_decisions_total counter\n");
        for code in VerdictCode::ALL {
            let count = self.decisions.count(code);
            let _ = writeln!(text, "gatekeeper_decisions_total{{outcome=\"{}\"}} {count}", code.as_str());
        }
        Ok(text)
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
