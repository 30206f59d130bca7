//! The hot path: judge a key, choose its limit, take a permit.
//!
//! A verification does no I/O while what it needs is remembered and has not changed: words that all processes share say
//! whether it has.

mod cache;
mod caller;
mod engine;
mod target;
mod verdict;
mod verifier;

pub(crate) use caller::{Caller, invalid_credential};
pub(crate) use engine::{CacheSizes, Engine, OpenEngine};
pub(crate) use target::Target;
pub use verdict::{Decision, Verdict};
pub use verifier::Verifier;
pub(crate) use verifier::check_variables;
