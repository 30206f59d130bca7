//! The hot path: judge a key, choose its limit, take a permit.
//!
//! A verification does no I/O while what it needs is remembered and nothing has changed; in the file place it asks
//! SQLite whether anything has, which reads memory shared by the processes.

mod cache;
mod caller;
mod engine;
mod verdict;
mod verifier;

pub(crate) use caller::Caller;
pub(crate) use engine::{CacheSizes, Engine};
pub use verdict::{Decision, Verdict};
pub use verifier::Verifier;
pub(crate) use verifier::check_variables;
