//! The blocking client: the names of the asynchronous one, without `await`.
//!
//! A call waits for the disk, or for the server, on the thread that makes it. Do not make it on a thread of an asynchronous
//! runtime: use [`Gatekeeper`](crate::Gatekeeper) there, or a thread that may block.
//!
//! ```
//! use gatekeeper::key_manager::CreateKey;
//! use gatekeeper::blocking::Gatekeeper;
//!
//! let gatekeeper = Gatekeeper::open("memory:")?;
//! let created = gatekeeper.call(CreateKey::new("user"))?;
//! assert_eq!(gatekeeper.validate(created.api_key.expose())?.id(), created.id);
//! # Ok::<(), gatekeeper::GatekeeperError>(())
//! ```

mod accounts;
pub(crate) mod background;
mod backup;
mod imports;
mod inspect;
mod pruning;
mod restore;
mod root_keys;
mod sdk;
mod unaccepted_keys;
mod verifier;

use std::fmt;
use std::future::Future;

use serde_json::Value;

use crate::backend::{AnyBackend, Backend as _, Embedded, Started};
use crate::error::Result;
use crate::handle::handle_methods;
use crate::limit::Endpoints;
use crate::operation::{self, CreatedRootKey, Operation, OperationDescriptor, Request};
use crate::verify::ValidatedKey;

pub use crate::database::Pruned;
pub use crate::store::MissingRow;
pub use accounts::AccountTenant;
pub use backup::{BackedUp, Backup};
pub use imports::{ImportSuffixes, ImportingTenant};
pub use inspect::{Inspection, SealedRows};
pub use restore::{Restore, Restored};
pub use root_keys::RootKeyOf;
pub use unaccepted_keys::UnacceptedKeys;
pub use verifier::Verifier;

/// A client of an embedded database or of a server, for code that does not await.
///
/// Clones and threads share one backend, and so do all clients of one file in a process.
#[derive(Clone)]
pub struct Gatekeeper(pub(crate) AnyBackend);

/// Waits for a call on this thread. For SDKs.
#[doc(hidden)]
pub fn wait<T>(call: impl Future<Output = T>) -> T {
    pollster::block_on(call)
}

impl Gatekeeper {
    handle_methods!();

    /// Creates a tenant and its root key. For the operator only.
    ///
    /// ```
    /// use gatekeeper::blocking::Gatekeeper;
    /// use gatekeeper::key_manager::CreateKey;
    /// let gatekeeper = Gatekeeper::open("memory:")?;
    /// let root = gatekeeper.create_root_key("Acme Inc")?;
    /// let acme = gatekeeper.with_root_key(&root.key);
    /// acme.call(CreateKey::new("acme"))?;
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` for a server, and for a name that is empty, longer than 256 bytes or
    /// contains U+0000; `service_unavailable` if the store cannot be reached.
    pub fn create_root_key(&self, tenant_name: &str) -> Result<CreatedRootKey> {
        self.add_root_key(RootKeyOf::NewTenant(tenant_name))
    }

    /// Runs an operation.
    ///
    /// # Errors
    /// `unauthorized` for a wrong credential; `bad_request`, `forbidden` and `not_found` as the operation documents;
    /// `service_unavailable` if the store cannot be reached; `connection_error` and `timeout` if a server did not answer.
    pub fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        wait(self.0.execute(operation))
    }

    /// Runs the operation `name` of [`TABLE`](crate::operation::TABLE); takes and returns JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` also for an unknown name, and for JSON that is not such a request.
    pub fn call_json(&self, name: &str, request: &str) -> Result<String> {
        self.dispatch(operation::named(name)?, request.into())
    }

    /// Runs an operation of [`TABLE`](crate::operation::TABLE) on a request whose fields may also come from a path and a query;
    /// returns JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` also for what is not such a request.
    pub fn dispatch(&self, descriptor: &OperationDescriptor, request: Request<'_>) -> Result<String> {
        wait(self.0.dispatch(descriptor, request))
    }

    /// Validates a key of any tenant, and returns its tenant, owner and scopes. It does not count against a limit. Compare
    /// [`tenant_id`](ValidatedKey::tenant_id) before you trust the key, or use a [`Verifier`].
    ///
    /// ```
    /// # use gatekeeper::blocking::Gatekeeper;
    /// # use gatekeeper::key_manager::CreateKey;
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let created = gatekeeper.call(CreateKey::new("user"))?;
    /// let key = gatekeeper.validate(created.api_key.expose())?;
    /// assert_eq!(key.id(), created.id);
    /// assert_eq!(gatekeeper.validate("no key").unwrap_err().status(), 401);
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `unauthorized` for a key that is not valid, for whatever reason; `service_unavailable` if the store cannot be
    /// reached; `connection_error` and `timeout` if a server did not answer.
    pub fn validate(&self, key: &str) -> Result<ValidatedKey> {
        match self.0.start_validation(key)? {
            Started::Done(verdict) => ValidatedKey::of(verdict),
            Started::Pending(rest) => ValidatedKey::of(wait(rest.finish())?),
        }
    }

    /// A verifier for these endpoints; their limits travel with each call to a server. It accepts the keys of the root
    /// key's tenant. Without a root key it accepts those of the tenant `default`, or of the tenants that
    /// [`Verifier::with_tenants`] names.
    ///
    /// # Errors
    /// None now; a verifier may reject endpoints in a later version.
    pub fn verifier(&self, endpoints: Endpoints) -> Result<Verifier> {
        self.0.verifier(endpoints).map(Verifier::new)
    }

    /// The public keys of access tokens, as a JWK Set (RFC 7517 §5).
    ///
    /// # Errors
    /// `service_unavailable` if the store cannot be reached; `connection_error` and `timeout` if a server did not answer.
    pub fn jwks(&self) -> Result<Value> {
        wait(self.0.jwks())
    }

    /// Checks the credential as a root key, as each call of a key manager does before it looks at its arguments.
    ///
    /// # Errors
    /// `unauthorized` for a wrong root key; `service_unavailable` if the store cannot be reached; `connection_error` and
    /// `timeout` if a server did not answer.
    pub fn check_credential(&self) -> Result<()> {
        wait(self.0.check_credential())
    }

    /// Checks that the store and the counters work, that the stored signing keys can be decrypted, and that a signature
    /// verifies. Creates the secret and the first signing key if there is none.
    ///
    /// # Errors
    /// `service_unavailable` if one of them fails, and while other processes use the database with another secret;
    /// `connection_error` and `timeout` if a server did not answer.
    pub fn check_ready(&self) -> Result<()> {
        wait(self.0.check_ready())
    }

    /// The embedded database.
    pub(crate) fn embedded(&self, what: &str) -> Result<&Embedded> {
        self.0.embedded(what)
    }
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("blocking::Gatekeeper").finish_non_exhaustive()
    }
}
