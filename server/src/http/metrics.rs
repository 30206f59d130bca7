//! What the server tells Prometheus of itself.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use gatekeeper::{Decisions, GatekeeperError, Result, VerdictCode};
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
    pub(crate) broken_connections: IntCounter,
    cached: IntGaugeVec,
    at_work: IntGaugeVec,
    pub(crate) decisions: Arc<Decisions>,
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
            "gatekeeper_http_request_seconds",
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
            broken_connections: registered(
                &registry,
                IntCounter::new(
                    "gatekeeper_http_broken_connections_total",
                    "Connections that broke a rule of HTTP, TLS or time.",
                )?,
            )?,
            cached: registered(
                &registry,
                IntGaugeVec::new(
                    Opts::new(
                        "gatekeeper_cache_keys",
                        "Keys that are remembered, and digests remembered to be nobody's.",
                    ),
                    &["kind"],
                )?,
            )?,
            at_work: registered(
                &registry,
                IntGaugeVec::new(
                    Opts::new("gatekeeper_at_work", "Threads that wait for the disk, by what they do."),
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
        let remembering = app.place().remembering();
        let set = |gauges: &IntGaugeVec, kind: &str, count: usize| {
            gauges.with_label_values(&[kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set(&self.cached, "known", remembering.keys);
        set(&self.cached, "unknown", remembering.unknown_keys);
        set(&self.at_work, "lookup", app.lookups.at_work());
        set(&self.at_work, "operation", app.work.at_work());
        let others = app.place().other_tenants_rejected();
        let mut text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .map_err(GatekeeperError::internal)?;
        let _ = write!(
            text,
            "# HELP gatekeeper_other_tenant_keys_rejected_total Valid keys of tenants that the operator did not name.\n\
             # TYPE gatekeeper_other_tenant_keys_rejected_total counter\n\
             gatekeeper_other_tenant_keys_rejected_total {others}\n"
        );
        text.push_str("# HELP gatekeeper_decisions_total Verifications, by how they ended.\n");
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
