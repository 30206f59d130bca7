//! The machine: its clock, and how many files a process may have open.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use gatekeeper::Clock;
use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use crate::config::{Config, MAX_CONNECTIONS};

/// Files beside the connections: the database, counters, logs.
const OTHER_FILES: u64 = 64;
/// 2026-01-01: no machine that runs this was there before, in Unix ms.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// How far the clock may be behind what it wrote itself, in ms.
const SLACK_MS: i64 = 60_000;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    vec![of_files(config), of_clock(config)]
}

fn of_files(config: &Config) -> Finding {
    let needed = config.whole(&MAX_CONNECTIONS).unwrap_or_default().saturating_add(OTHER_FILES);
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < needed => Finding::warning(
            "open files",
            format!("this process may have {most} files open, {needed} are needed for server.maxConnections"),
            "raise it (LimitNOFILE= of systemd, `ulimit -n`), or lower server.maxConnections",
        ),
        Some(most) => Finding::ok("open files", format!("{most} are allowed")),
        None => Finding::ok("open files", "as many as wanted are allowed"),
    }
}

fn of_clock(config: &Config) -> Finding {
    const MEND: &str =
        "set it, and keep it right with chrony or systemd-timesyncd: keys and tokens end by it";
    let now = Clock::System.unix_ms();
    if now < EARLIEST_MS {
        return Finding::error("clock", "the machine's clock is years behind", MEND);
    }
    let written = config.database().and_then(|path| fs::metadata(path).ok()).map(|file| file.mtime());
    if written.is_some_and(|seconds| seconds.saturating_mul(1000) > now.saturating_add(SLACK_MS)) {
        return Finding::error(
            "clock",
            "the machine's clock is behind the last change of the database",
            MEND,
        );
    }
    Finding::ok("clock", "the machine's clock is plausible")
}
