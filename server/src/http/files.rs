//! How many files the process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connections: the database, its readers, what processes share, certificates, the log.
const OTHERS: u64 = 256;

/// How many connections there can be of `most`, once the process may have as many files open as the machine allows. Many
/// shells start programs with 1,024, for the sake of `select(2)`.
pub(crate) fn leave_some(most: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current < maximum || maximum.is_none() {
        // Where it is rejected, there are fewer connections: that is all.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    let Some(allowed) = getrlimit(Resource::Nofile).current else { return most };
    let room = usize::try_from(allowed.saturating_sub(OTHERS)).unwrap_or(usize::MAX).max(1);
    if room < most {
        tracing::warn!(
            connections = room,
            "this process may not open more files: raise its limit (ulimit -n)"
        );
    }
    room.min(most)
}
