//! The hot path: judge a key, choose its limit, take a permit.
//!
//! A verification does no I/O while what it needs is remembered and has not changed: words that all processes share say
//! whether it has.

mod cache;
mod caller;
mod decisions;
mod engine;
mod find;
mod flights;
mod imports;
mod other_tenants;
mod target;
mod targets;
mod tenants;
mod validated;
mod verdict;
mod verifier;

pub(crate) use cache::Remembered;
pub use cache::Remembering;
pub(crate) use caller::{Caller, invalid_credential, wrong_root_key};
#[cfg(feature = "remote")]
pub(crate) use caller::{empty_root_key, no_root_key};
pub use decisions::{Decisions, VerdictCode};
pub(crate) use engine::{CacheSizes, Engine, Io, OpenEngine};
pub(crate) use find::KeysOf;
pub(crate) use target::Target;
pub(crate) use targets::Targets;
#[cfg(feature = "remote")]
pub(crate) use targets::never_defined;
pub(crate) use tenants::EXPECTED_TENANTS;
pub use tenants::Tenants;
pub use validated::ValidatedKey;
pub use verdict::{Decision, Verdict};
#[cfg(feature = "schema")]
pub(crate) use verifier::{MOST_VARIABLE_BYTES, MOST_VARIABLES};
pub(crate) use verifier::{OwnVerifier, check_variables, tenants_of_root_key};
