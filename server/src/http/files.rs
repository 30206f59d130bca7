//! The limit of open files: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files other than connections: the database, its readers, shared memory, certificates, the log.
const OTHERS: u64 = 256;

/// The number of connections to allow, at max `max`, after raising the process's limit of open files as far as
/// possible. Many shells start programs with a limit of 1,024, for the sake of `select(2)`.
pub(crate) fn connection_limit(max: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current < maximum || maximum.is_none() {
        // If this fails, the limit stays, and fewer connections are allowed.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    let Some(allowed) = getrlimit(Resource::Nofile).current else { return max };
    let available = usize::try_from(allowed.saturating_sub(OTHERS)).unwrap_or(usize::MAX).max(1);
    if available < max {
        tracing::warn!(
            connections = available,
            "the limit of open files allows only this many connections: raise it (ulimit -n)"
        );
    }
    available.min(max)
}
