//! The log of a server: an object of JSON a line, on the standard error.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Logs from now on. Where this process has a log already, that one goes on.
pub(super) fn begin(level: &str) {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    // Of what others make, such as HTTP's frames, only what is wrong.
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("gatekeeper", level)
        .with_target("gatekeeper_server", level);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}
