//! How many files the process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Asks for as many as the machine allows. Many shells start programs with 1,024, for the sake of `select(2)`.
pub(crate) fn allow_many() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current < maximum || maximum.is_none() {
        // Where it is refused, fewer connections are accepted at a time: that is all.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}
