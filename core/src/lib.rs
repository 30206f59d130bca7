//! Gatekeeper verifies API keys and enforces rate limits inside your process. One call tells you whether a key is valid,
//! who owns it, and whether it is still within its limit.
//!
//! ```
//! use gatekeeper::blocking::Gatekeeper;
//! use gatekeeper::{CreateKey, Endpoint, Endpoints, Limit, Verdict};
//!
//! let gatekeeper = Gatekeeper::open("memory:")?; // or "sqlite:gatekeeper.db"
//! let created = gatekeeper.call(CreateKey { roles: vec!["PRO".into()], ..CreateKey::new("user") })?;
//!
//! let tasks = Endpoint::new(Limit::new(10, 60_000)?).role("PRO", Limit::new(1000, 60_000)?)?;
//! let verifier = gatekeeper.verifier(Endpoints::new().define("GET_TASKS", tasks))?;
//! let verdict = verifier.verify(created.api_key.expose(), "GET_TASKS", &["task_id"])?;
//! assert!(matches!(verdict, Verdict::Admitted(decision) if decision.remaining() == 999));
//! # Ok::<(), gatekeeper::GatekeeperError>(())
//! ```
//!
//! In asynchronous code, use [`Gatekeeper`]. It has the same methods, as async functions, and never blocks the executor.

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!(
    "Gatekeeper runs on Linux and macOS: other systems lack a clock that counts while the machine sleeps, or the file locks \
     and shared memory of POSIX"
);
#[cfg(not(target_has_atomic = "64"))]
compile_error!("Gatekeeper needs a processor with atomic integers of 64 bits");

mod authz;
mod backend;
pub mod blocking;
mod client_address;
mod clock;
mod counters;
mod database;
mod deadline;
mod deprecated;
mod error;
mod fork;
mod gatekeeper;
pub mod guard;
mod handle;
mod id;
mod identity;
mod ipc;
mod key;
mod limit;
mod metering;
mod offload;
mod operation;
mod role;
mod secret;
mod store;
mod vault;
mod vectors;
mod verify;
mod visible;
mod whole;
mod window;

pub use authz::{Access, Attribution, Context, KeyImports, MemberRole, TenantRef, Throttle};
#[doc(hidden)]
pub use backend::{AnyBackend, Pending, PendingVerification, Started, StartedVerification};
pub use backend::{CredentialCache, DatabaseUrl, Options};
#[doc(hidden)]
pub use blocking::BackgroundTask;
pub use blocking::{
    AccountTenant, BackedUp, Backup, ImportSuffixes, ImportingTenant, Inspection, Restore, Restored,
    RootKeyOf, SealedRows, UnacceptedKeys,
};
pub use client_address::{client_address, counted_address};
pub use clock::{Clock, ManualClock};
pub use database::Pruned;
#[doc(hidden)]
pub use deadline::Deadline;
#[allow(deprecated, reason = "they are exported under their former names")]
pub use deprecated::{Callers, Decisions, Entry, GivenId, Remembering, Tier};
#[doc(hidden)]
pub use error::field_name;
pub use error::{ErrorKind, GatekeeperError, Result};
pub use gatekeeper::{Gatekeeper, Verifier};
pub use id::{AuditId, EventId, Id, KeyId, Kind, RequestId, SessionId, TenantId, UserId};
pub use identity::{JWKS_MAX_AGE_SECONDS, SigningAlgorithm};
pub use key::KeyStatus;
pub use limit::{Endpoint, Endpoints};
pub use metering::{Period, QuotaCheck, QuotaLevel};
#[doc(hidden)]
pub use offload::Lane;
pub use operation::*;
pub use secret::Secret;
pub use store::MissingRow;
#[doc(hidden)]
pub use vectors::run_vector;
pub use verify::{
    CacheStats, Decision, EndpointRef, Tenants, ValidatedKey, Verdict, VerdictCode, VerdictCounters,
    VerifyOptions,
};
pub use visible::{visible, visible_json};
pub use whole::whole_number;
pub use window::Limit;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
