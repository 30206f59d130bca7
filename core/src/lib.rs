//! Gatekeeper verifies API keys and enforces rate limits inside your process. One call tells you whether a key is valid,
//! who owns it, and whether it is still within its limit.
//!
//! ```
//! use gatekeeper::blocking::Gatekeeper;
//! use gatekeeper::{Endpoint, Endpoints, Limit, Verdict};
//! use gatekeeper::key_manager::CreateKey;
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
//!
//! The request types of each service are in a module of its name, such as [`keys`] and [`usage`]. Those of the key manager
//! are in [`key_manager`].

#![cfg_attr(
    not(feature = "internal"),
    allow(dead_code, unreachable_pub, unused_imports, reason = "only the feature `internal` exports it")
)]

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
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gatekeeper;
mod guard;
mod handle;
mod id;
mod identity;
#[cfg(feature = "internal")]
pub mod internal;
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

pub use authz::KeyImports;
pub use backend::{DatabaseUrl, Options};
pub use clock::{Clock, ManualClock};
#[doc(hidden)]
#[allow(deprecated, reason = "they are exported under their former names")]
pub use deprecated::*;
pub use error::{ErrorKind, GatekeeperError, Result};
pub use gatekeeper::{Gatekeeper, Verifier};
pub use id::{AuditId, EventId, Id, KeyId, Kind, RequestId, SessionId, TenantId, UserId};
pub use identity::SigningAlgorithm;
pub use limit::{Endpoint, Endpoints};
pub use operation::{Operation, Page, audit, auth, key_manager, keys, permissions, platform, tenants, usage};
pub use secret::Secret;
pub use verify::{CacheStats, Decision, Tenants, ValidatedKey, Verdict, VerdictCode, VerifyOptions};
pub use window::Limit;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
