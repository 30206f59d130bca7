//! The backend of a client, which runs its calls: an embedded database, or a server.

mod any;
mod credential_cache;
mod embedded;
mod options;
#[cfg(feature = "remote")]
mod remote;
mod started;
mod url;
mod verifier;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::authz::Attribution;
use crate::error::{GatekeeperError, Result};
use crate::guard::PresentedCredential;
use crate::limit::Endpoints;
use crate::operation::{Operation, OperationDescriptor, Request};
use crate::secret::Secret;
use crate::verify::{CacheStats, VerdictCounters};

pub use any::AnyBackend;
pub use credential_cache::CredentialCache;
pub(crate) use embedded::Embedded;
pub use options::Options;
#[cfg(feature = "remote")]
pub(crate) use remote::{Spawned, spawn};
pub use started::{Pending, PendingVerification, Started, StartedVerification};
pub use url::DatabaseUrl;
pub(crate) use verifier::AnyVerifier;

/// A backend with the credential and the client address of its calls.
///
/// A future of an embedded backend does its work on the thread that polls it and may wait for the disk. A future of a
/// remote backend awaits the server. The clients decide where a future runs.
pub(crate) trait Backend: Clone + Send + Sync + 'static {
    /// The verifier of this backend.
    type Verifier: Into<AnyVerifier>;

    /// The same backend, called with a root key.
    fn with_root_key(&self, root_key: &Secret) -> Self;

    /// The same backend, called with a `Bearer` credential.
    fn with_token(&self, token: &Secret) -> Self;

    /// The same backend, called without a credential.
    fn anonymous(&self) -> Self;

    /// The same backend, called with the credential of a request.
    fn presenting(&self, credential: PresentedCredential<'_>, cache: &CredentialCache) -> Self;

    /// The same backend with other endpoints for `keys.verify`. A server keeps its own.
    fn with_endpoints(&self, _: Endpoints) -> Self {
        self.clone()
    }

    /// The same backend, called on behalf of a client address. A server sees the address of its peer.
    fn with_client_address(&self, _: &str) -> Self {
        self.clone()
    }

    /// The same backend; its verdicts are counted. A server counts its own.
    fn with_verdict_counters(&self, _: Arc<VerdictCounters>) -> Self {
        self.clone()
    }

    /// The same backend; the principal of each call is written to `attribution`. A server logs its own.
    fn with_attribution(&self, _: &Arc<Attribution>) -> Self {
        self.clone()
    }

    /// The same backend; its calls may create neither an account nor a tenant. A server decides for itself.
    fn with_closed_signup(&self) -> Self {
        self.clone()
    }

    /// The embedded backend.
    ///
    /// # Errors
    /// `bad_request` for a server: `what` is only available with an embedded database.
    fn embedded(&self, what: &str) -> Result<&Embedded> {
        Err(GatekeeperError::bad_request(format!(
            "{what} is only available with an embedded database, not with an http:// or https:// URL"
        )))
    }

    /// The numbers of cache entries. Zero for a server, which has its own caches.
    fn cache_stats(&self) -> CacheStats {
        CacheStats::default()
    }

    /// How many valid keys were rejected because their tenants are not accepted. A server counts its own.
    fn other_tenants_rejected(&self) -> u64 {
        0
    }

    /// Whether [`take_warning`](Self::take_warning) returns a warning.
    fn has_warning(&self) -> bool {
        false
    }

    /// A warning for the operator, once.
    fn take_warning(&self) -> Option<String> {
        None
    }

    /// The database file that this process has created, once.
    fn take_created(&self) -> Option<PathBuf> {
        None
    }

    /// Runs an operation.
    fn execute<O: Operation>(&self, operation: O) -> impl Future<Output = Result<O::Output>> + Send;

    /// Runs an operation of the table; takes and returns JSON.
    fn dispatch(
        &self,
        descriptor: &OperationDescriptor,
        request: Request<'_>,
    ) -> impl Future<Output = Result<String>> + Send;

    /// [`execute`](Self::execute) as far as it needs no I/O. All of it waits unless the operation looks up a key.
    fn start<O: Operation>(&self, operation: O) -> Result<Started<O::Output>>;

    /// [`dispatch`](Self::dispatch) as far as it needs no I/O.
    fn start_dispatch(
        &self,
        descriptor: &'static OperationDescriptor,
        request: Request<'_>,
    ) -> Result<Started<String>>;

    /// Validates a key of any tenant as far as that needs no I/O.
    fn start_validation(&self, key: &str) -> Result<StartedVerification>;

    /// A verifier for these endpoints.
    fn verifier(&self, endpoints: Endpoints) -> Result<Self::Verifier>;

    /// The public keys of access tokens.
    fn jwks(&self) -> impl Future<Output = Result<Value>> + Send;

    /// Checks the credential as a root key.
    fn check_credential(&self) -> impl Future<Output = Result<()>> + Send;

    /// Checks that the backend is ready for calls.
    fn check_ready(&self) -> impl Future<Output = Result<()>> + Send;
}
