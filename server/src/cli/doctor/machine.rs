//! Checks the machine: its clock and its limit of open files.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use gatekeeper::Clock;
use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use crate::config::{Config, MAX_CONNECTIONS};

/// Open files other than connections: the database, counters, logs.
const OTHER_FILES: u64 = 64;
/// 2026-01-01 in Unix ms: earlier than any machine that runs this version.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// How far the clock may be behind the last change of the database, in ms.
const SLACK_MS: i64 = 60_000;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    vec![check_files(config), check_clock(config)]
}

fn check_files(config: &Config) -> Finding {
    let needed = config.integer(&MAX_CONNECTIONS).unwrap_or_default().saturating_add(OTHER_FILES);
    match getrlimit(Resource::Nofile).current {
        Some(max) if max < needed => Finding::warning(
            "open files",
            format!("the limit is {max}, but server.maxConnections needs {needed}"),
            "raise the limit (LimitNOFILE= in systemd, `ulimit -n`), or lower server.maxConnections",
        ),
        Some(max) => Finding::ok("open files", format!("the limit is {max}")),
        None => Finding::ok("open files", "there is no limit"),
    }
}

fn check_clock(config: &Config) -> Finding {
    const FIX: &str =
        "set it, and synchronize it with chrony or systemd-timesyncd: keys and tokens expire by it";
    let now = Clock::System.unix_ms();
    if now < EARLIEST_MS {
        return Finding::error("clock", "the machine's clock is years behind", FIX);
    }
    let written = config.database().and_then(|path| fs::metadata(path).ok()).map(|file| file.mtime());
    if written.is_some_and(|seconds| seconds.saturating_mul(1000) > now.saturating_add(SLACK_MS)) {
        return Finding::error("clock", "the machine's clock is behind the last change of the database", FIX);
    }
    Finding::ok("clock", "the machine's clock is plausible")
}
