//! The log of a server on the standard error: readable lines for who watches it on a terminal, otherwise an object of JSON
//! a line.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::output::Output;

/// Logs from now on. Where this process has a log already, that one goes on.
pub(super) fn begin(level: &str, output: Output) {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    // Of what others make, such as HTTP's frames, only what is wrong.
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("gatekeeper", level)
        .with_target("gatekeeper_server", level);
    let is_watched = !output.json && io::stderr().is_terminal();
    let readable = is_watched.then(|| fmt::layer().compact().with_target(false).with_writer(io::stderr));
    let json = (!is_watched).then(|| fmt::layer().json().flatten_event(true).with_writer(io::stderr));
    let _ = tracing_subscriber::registry().with(targets).with(readable).with(json).try_init();
}
