//! The asynchronous client: it never blocks the thread that polls it.

mod offloaded;
mod verifier;

use std::fmt;
use std::future::Future;

use serde_json::Value;

use crate::backend::{AnyBackend, Backend as _};
use crate::blocking;
use crate::error::Result;
use crate::handle::handle_methods;
use crate::limit::Endpoints;
use crate::offload::Lane;
use crate::operation::{self, CreatedRootKey, Operation};
use crate::verify::ValidatedKey;
use offloaded::{finished, offloaded};
pub use verifier::Verifier;

/// A client of an embedded database or of a server, for asynchronous code.
///
/// It runs under any executor and does not block it: work that may wait for the disk runs on threads of Gatekeeper, and a
/// server is awaited. Clones share one backend, and so do all clients of one file in a process.
/// [`blocking::Gatekeeper`] has the same methods without `await`.
///
/// ```
/// use gatekeeper::Gatekeeper;
/// use gatekeeper::key_manager::CreateKey;
/// # pollster::block_on(async {
/// let gatekeeper = Gatekeeper::open("memory:")?;
/// let created = gatekeeper.call(CreateKey::new("user")).await?;
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Gatekeeper(pub(crate) AnyBackend);

impl Gatekeeper {
    handle_methods!();

    /// The blocking client of the same backend.
    #[must_use]
    pub fn blocking(&self) -> blocking::Gatekeeper {
        blocking::Gatekeeper(self.0.clone())
    }

    /// Creates a tenant and its root key. For the operator only.
    ///
    /// # Errors
    /// As for [`blocking::Gatekeeper::create_root_key`].
    pub async fn create_root_key(&self, tenant_name: &str) -> Result<CreatedRootKey> {
        let (gatekeeper, tenant_name) = (self.blocking(), tenant_name.to_owned());
        self.0.embedded("create_root_key")?;
        offloaded(Lane::Operation, move || gatekeeper.create_root_key(&tenant_name)).await
    }

    /// Runs an operation. Dropping the future cancels a request to a server, and work on a database that has not begun.
    ///
    /// # Errors
    /// `unauthorized` for a wrong credential; `bad_request`, `forbidden` and `not_found` as the operation documents;
    /// `service_unavailable` if the store cannot be reached; `connection_error` and `timeout` if a server did not answer.
    pub async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        finished(Lane::of::<O>(), self.0.start(operation)?).await
    }

    /// Runs an operation, and waits on this thread.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    #[deprecated(note = "use `call` of `blocking::Gatekeeper`")]
    pub fn call_blocking<O: Operation>(&self, operation: O) -> Result<O::Output> {
        self.blocking().call(operation)
    }

    /// Runs the operation `name` of [`TABLE`](crate::operation::TABLE); takes and returns JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` also for an unknown name, and for JSON that is not such a request.
    pub async fn call_json(&self, name: &str, request: &str) -> Result<String> {
        let descriptor = operation::named(name)?;
        if descriptor.looks_up_key {
            return finished(Lane::LookUp, self.0.start_dispatch(descriptor, request.into())?).await;
        }
        let request = request.to_owned();
        let call = move |backend: AnyBackend| async move {
            backend.dispatch(descriptor, request.as_str().into()).await
        };
        self.run(Lane::of_operation(name), call).await
    }

    /// Validates a key of any tenant, and returns its tenant, owner and scopes. It does not count against a limit. Compare
    /// [`tenant_id`](ValidatedKey::tenant_id) before you trust the key, or use a [`Verifier`].
    ///
    /// # Errors
    /// `unauthorized` for a key that is not valid, for whatever reason; `service_unavailable` if the store cannot be
    /// reached; `connection_error` and `timeout` if a server did not answer.
    pub async fn validate(&self, key: &str) -> Result<ValidatedKey> {
        ValidatedKey::of(finished(Lane::LookUp, self.0.start_validation(key)?).await?)
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
    pub async fn jwks(&self) -> Result<Value> {
        self.run(Lane::Operation, |backend| async move { backend.jwks().await }).await
    }

    /// Checks the credential as a root key, as each call of a key manager does before it looks at its arguments.
    ///
    /// # Errors
    /// `unauthorized` for a wrong root key; `service_unavailable` if the store cannot be reached; `connection_error` and
    /// `timeout` if a server did not answer.
    pub async fn check_credential(&self) -> Result<()> {
        self.run(Lane::Operation, |backend| async move { backend.check_credential().await }).await
    }

    /// Checks that the store and the counters work, that the stored signing keys can be decrypted, and that a signature
    /// verifies. Creates the secret and the first signing key if there is none.
    ///
    /// # Errors
    /// `service_unavailable` if one of them fails, and while other processes use the database with another secret;
    /// `connection_error` and `timeout` if a server did not answer.
    pub async fn check_ready(&self) -> Result<()> {
        self.run(Lane::Operation, |backend| async move { backend.check_ready().await }).await
    }

    /// Runs a call: on a thread of the pool if it may wait for the disk, otherwise on this one.
    async fn run<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
        &self,
        lane: Lane,
        call: impl FnOnce(AnyBackend) -> F + Send + 'static,
    ) -> Result<T> {
        let backend = self.0.clone();
        if backend.is_remote() {
            return call(backend).await;
        }
        offloaded(lane, move || blocking::wait(call(backend))).await
    }
}

impl blocking::Gatekeeper {
    /// The asynchronous client of the same backend.
    #[must_use]
    pub fn asynchronous(&self) -> Gatekeeper {
        Gatekeeper(self.0.clone())
    }
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gatekeeper").finish_non_exhaustive()
    }
}
