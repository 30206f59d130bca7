//! The hot path: judge a key, choose its limit, take a permit.
//!
//! A verification does no I/O while what it needs is remembered and has not changed: words that all processes share say
//! whether it has.

mod cache;
mod caller;
mod decisions;
mod engine;
mod find;
mod imports;
mod target;
mod targets;
mod uses;
mod validated;
mod verdict;
mod verifier;

pub(crate) use cache::Remembered;
pub use cache::Remembering;
pub(crate) use caller::{Caller, invalid_credential};
pub use decisions::{Decisions, VerdictCode};
pub(crate) use engine::{CacheSizes, Engine, Io, OpenEngine};
pub(crate) use target::Target;
pub(crate) use targets::Targets;
pub use validated::ValidatedKey;
pub use verdict::{Decision, Verdict};
pub use verifier::Verifier;
pub(crate) use verifier::check_variables;
#[cfg(feature = "schema")]
pub(crate) use verifier::{MOST_VARIABLE_BYTES, MOST_VARIABLES};
