//! The hot path: validate a key, select its limit, acquire a permit.
//!
//! A verification does no I/O while the records that it needs are cached and fresh. Version counters, which all processes
//! share, show whether a cached record is fresh.

mod cache;
mod compiled;
mod counters;
mod credential;
mod endpoints;
mod engine;
mod find;
mod flights;
mod imports;
mod options;
mod other_tenants;
mod tenants;
mod validated;
mod verdict;
mod verification;
mod verifier;

pub use cache::CacheStats;
pub(crate) use compiled::CompiledEndpoint;
pub use counters::{VerdictCode, VerdictCounters};
pub(crate) use credential::{Authority, Credential, invalid_credential, wrong_root_key};
#[cfg(feature = "remote")]
pub(crate) use credential::{empty_root_key, no_root_key};
pub(crate) use endpoints::CompiledEndpoints;
#[cfg(feature = "remote")]
pub(crate) use endpoints::never_defined;
pub(crate) use engine::{CacheSizes, Engine, OpenEngine};
pub(crate) use find::Presented;
pub(crate) use options::{Cost, check_arguments};
pub use options::{EndpointRef, VerifyOptions};
#[cfg(feature = "schema")]
pub(crate) use options::{MAX_VARIABLE_BYTES, MAX_VARIABLES};
pub(crate) use tenants::KeysOf;
pub use tenants::Tenants;
pub use validated::ValidatedKey;
pub(crate) use validated::validation;
pub use verdict::{Decision, Verdict};
pub(crate) use verification::{Need, Step, Verification};
pub(crate) use verifier::{Begun, EmbeddedVerifier, Waiting, tenants_of_root_key};
