//! The metrics of the server, for Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::VerdictCounters;
use gatekeeper::{GatekeeperError, Result, VerdictCode};
use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// The upper bounds of the latency buckets in seconds, from a verification to a login.
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
    pub(crate) verdicts: Arc<VerdictCounters>,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self> {
        Self::registered().map_err(GatekeeperError::internal)
    }

    fn registered() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let build = IntGaugeVec::new(
            Opts::new("gatekeeper_build_info", "The version of the server; always 1."),
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let buckets = HistogramOpts::new(
            "gatekeeper_http_request_duration_seconds",
            "Seconds from the headers of a request to its response, by operation.",
        );
        Ok(Self {
            requests: registered(
                &registry,
                IntCounterVec::new(
                    Opts::new("gatekeeper_http_requests_total", "Requests served, by operation and status."),
                    &["operation", "status"],
                )?,
            )?,
            seconds: registered(
                &registry,
                HistogramVec::new(buckets.buckets(BUCKETS.to_vec()), &["operation"])?,
            )?,
            connections: registered(
                &registry,
                IntGauge::new("gatekeeper_http_connections", "Open connections.")?,
            )?,
            connection_errors: registered(
                &registry,
                IntCounter::new(
                    "gatekeeper_http_connection_errors_total",
                    "Connections closed because of an HTTP or TLS error, or a timeout.",
                )?,
            )?,
            cached: registered(
                &registry,
                IntGaugeVec::new(
                    Opts::new("gatekeeper_cache_keys", "Cached keys and cached unknown keys."),
                    &["kind"],
                )?,
            )?,
            blocking_tasks: registered(
                &registry,
                IntGaugeVec::new(
                    Opts::new("gatekeeper_blocking_tasks", "Tasks that block a thread on the disk, by kind."),
                    &["kind"],
                )?,
            )?,
            verdicts: Arc::default(),
            registry,
        })
    }

    /// Records a served request.
    pub(crate) fn record(&self, operation: &str, status: &str, after: Duration) {
        self.requests.with_label_values(&[operation, status]).inc();
        self.seconds.with_label_values(&[operation]).observe(after.as_secs_f64());
    }

    /// All metrics in the text format of Prometheus. `active` is the number of blocking tasks of each kind.
    pub(crate) fn text(&self, gatekeeper: &Gatekeeper, active: [(&str, usize); 2]) -> Result<String> {
        let cache_stats = gatekeeper.cache_stats();
        let set = |gauges: &IntGaugeVec, kind: &str, count: usize| {
            gauges.with_label_values(&[kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set(&self.cached, "known", cache_stats.keys);
        set(&self.cached, "unknown", cache_stats.unknown_keys);
        for (kind, count) in active {
            set(&self.blocking_tasks, kind, count);
        }
        let others = gatekeeper.other_tenants_rejected();
        let mut text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .map_err(GatekeeperError::internal)?;
        let _ = write!(
            text,
            "# HELP gatekeeper_other_tenant_keys_rejected_total Valid keys that were rejected because their tenant is not accepted.\n\
             # TYPE gatekeeper_other_tenant_keys_rejected_total counter\n\
             gatekeeper_other_tenant_keys_rejected_total {others}\n"
        );
        text.push_str("# HELP gatekeeper_decisions_total Verifications, by outcome.\n");
        text.push_str("# TYPE gatekeeper_decisions_total counter\n");
        for code in VerdictCode::ALL {
            let count = self.verdicts.count(code);
            let _ = writeln!(text, "gatekeeper_decisions_total{{outcome=\"{}\"}} {count}", code.as_str());
        }
        Ok(text)
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
