//! The log of a server, on standard error: readable lines on a terminal, otherwise one JSON object a line.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::output::Output;

/// Starts logging. If this process has a logger already, that one stays.
pub(super) fn begin(level: &str, output: Output) {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    // Libraries, such as the HTTP stack, log only warnings and errors.
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("gatekeeper", level)
        .with_target("gatekeeper_server", level);
    let is_watched = !output.json && io::stderr().is_terminal();
    let readable = is_watched.then(|| fmt::layer().compact().with_target(false).with_writer(io::stderr));
    let json = (!is_watched).then(|| fmt::layer().json().flatten_event(true).with_writer(io::stderr));
    let _ = tracing_subscriber::registry().with(targets).with(readable).with(json).try_init();
}
