//! The backend that a URL names.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

#[cfg(feature = "remote")]
use super::remote::Remote;
use super::{
    AnyVerifier, Backend, CredentialCache, DatabaseUrl, Embedded, Options, Started, StartedVerification,
};
use crate::authz::Attribution;
#[cfg(not(feature = "remote"))]
use crate::error::GatekeeperError;
use crate::error::Result;
use crate::guard::PresentedCredential;
use crate::limit::Endpoints;
use crate::operation::{self, Operation, OperationDescriptor, Request};
use crate::secret::Secret;
use crate::verify::{CacheStats, VerdictCounters};

/// One of the two backends. For SDKs, which run its futures on their own threads.
///
/// A future of an embedded backend waits for the disk on the thread that polls it.
#[doc(hidden)]
#[derive(Clone)]
pub struct AnyBackend(Kind);

#[derive(Clone)]
enum Kind {
    Embedded(Embedded),
    #[cfg(feature = "remote")]
    Remote(Remote),
}

impl fmt::Debug for AnyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyBackend").field("is_remote", &self.is_remote()).finish_non_exhaustive()
    }
}

/// Runs the same expression on either backend.
macro_rules! either {
    ($any:expr, $backend:ident => $result:expr) => {
        match &$any.0 {
            Kind::Embedded($backend) => $result,
            #[cfg(feature = "remote")]
            Kind::Remote($backend) => $result,
        }
    };
}

impl From<Embedded> for AnyBackend {
    fn from(embedded: Embedded) -> Self {
        Self(Kind::Embedded(embedded))
    }
}

#[cfg(feature = "remote")]
impl From<Remote> for AnyBackend {
    fn from(remote: Remote) -> Self {
        Self(Kind::Remote(remote))
    }
}

impl AnyBackend {
    pub(crate) fn open(url: &str, options: Options) -> Result<Self> {
        options.sizes()?;
        options.check_http()?;
        match DatabaseUrl::parse(url)? {
            DatabaseUrl::Memory => Embedded::open(None, options).map(Into::into),
            DatabaseUrl::File(path) => Embedded::open(Some(path), options).map(Into::into),
            #[cfg(feature = "remote")]
            DatabaseUrl::Server => {
                options.check_remote()?;
                Remote::open(url, &options.http_options()).map(Into::into)
            }
            #[cfg(not(feature = "remote"))]
            DatabaseUrl::Server => {
                Err(GatekeeperError::bad_request("url: this build was compiled without the feature `remote`"))
            }
        }
    }

    /// The same backend, called by the operator.
    pub(crate) fn operator(&self) -> Result<Self> {
        Ok(self.embedded("operator")?.operator().into())
    }

    pub(crate) fn is_remote(&self) -> bool {
        !matches!(self.0, Kind::Embedded(_))
    }

    /// Runs the operation `name` of [`TABLE`](crate::operation::TABLE); takes and returns JSON.
    ///
    /// # Errors
    /// As for [`Gatekeeper::call_json`](crate::Gatekeeper::call_json).
    #[doc(hidden)]
    pub async fn call_json(&self, name: &str, request: &str) -> Result<String> {
        self.dispatch(operation::named(name)?, request.into()).await
    }

    /// The public keys of access tokens.
    ///
    /// # Errors
    /// As for [`Gatekeeper::jwks`](crate::Gatekeeper::jwks).
    #[doc(hidden)]
    pub async fn jwks(&self) -> Result<Value> {
        Backend::jwks(self).await
    }

    /// Checks the credential as a root key.
    ///
    /// # Errors
    /// As for [`Gatekeeper::check_credential`](crate::Gatekeeper::check_credential).
    #[doc(hidden)]
    pub async fn check_credential(&self) -> Result<()> {
        Backend::check_credential(self).await
    }
}

impl Backend for AnyBackend {
    type Verifier = AnyVerifier;

    fn with_root_key(&self, root_key: &Secret) -> Self {
        either!(self, backend => backend.with_root_key(root_key).into())
    }

    fn with_token(&self, token: &Secret) -> Self {
        either!(self, backend => backend.with_token(token).into())
    }

    fn anonymous(&self) -> Self {
        either!(self, backend => backend.anonymous().into())
    }

    fn presenting(&self, credential: PresentedCredential<'_>, cache: &CredentialCache) -> Self {
        either!(self, backend => backend.presenting(credential, cache).into())
    }

    fn with_endpoints(&self, endpoints: Endpoints) -> Self {
        either!(self, backend => backend.with_endpoints(endpoints).into())
    }

    fn with_client_address(&self, client_address: &str) -> Self {
        either!(self, backend => backend.with_client_address(client_address).into())
    }

    fn with_verdict_counters(&self, counters: Arc<VerdictCounters>) -> Self {
        either!(self, backend => backend.with_verdict_counters(counters).into())
    }

    fn with_attribution(&self, attribution: &Arc<Attribution>) -> Self {
        either!(self, backend => backend.with_attribution(attribution).into())
    }

    fn with_closed_signup(&self) -> Self {
        either!(self, backend => backend.with_closed_signup().into())
    }

    fn embedded(&self, what: &str) -> Result<&Embedded> {
        either!(self, backend => backend.embedded(what))
    }

    fn cache_stats(&self) -> CacheStats {
        either!(self, backend => backend.cache_stats())
    }

    fn other_tenants_rejected(&self) -> u64 {
        either!(self, backend => backend.other_tenants_rejected())
    }

    #[inline]
    fn has_warning(&self) -> bool {
        either!(self, backend => backend.has_warning())
    }

    fn take_warning(&self) -> Option<String> {
        either!(self, backend => backend.take_warning())
    }

    fn take_created(&self) -> Option<PathBuf> {
        either!(self, backend => backend.take_created())
    }

    async fn execute<O: Operation>(&self, operation: O) -> Result<O::Output> {
        either!(self, backend => backend.execute(operation).await)
    }

    async fn dispatch(&self, descriptor: &OperationDescriptor, request: Request<'_>) -> Result<String> {
        either!(self, backend => backend.dispatch(descriptor, request).await)
    }

    fn start<O: Operation>(&self, operation: O) -> Result<Started<O::Output>> {
        either!(self, backend => backend.start(operation))
    }

    fn start_dispatch(
        &self,
        descriptor: &'static OperationDescriptor,
        request: Request<'_>,
    ) -> Result<Started<String>> {
        either!(self, backend => backend.start_dispatch(descriptor, request))
    }

    fn start_validation(&self, key: &str) -> Result<StartedVerification> {
        either!(self, backend => backend.start_validation(key))
    }

    fn verifier(&self, endpoints: Endpoints) -> Result<Self::Verifier> {
        either!(self, backend => backend.verifier(endpoints).map(Into::into))
    }

    async fn jwks(&self) -> Result<Value> {
        either!(self, backend => backend.jwks().await)
    }

    async fn check_credential(&self) -> Result<()> {
        either!(self, backend => backend.check_credential().await)
    }

    async fn check_ready(&self) -> Result<()> {
        either!(self, backend => backend.check_ready().await)
    }
}
