//! Verification for asynchronous code.

use std::fmt;

use super::offloaded::finished;
use crate::backend::AnyVerifier;
use crate::error::Result;
use crate::offload::Lane;
use crate::verify::{Tenants, Verdict, VerifyOptions};

/// Verifies API keys against the limits of a set of endpoints. Share one between all tasks.
///
/// It accepts the keys of the tenant `default`, or of the tenants that [`with_tenants`](Self::with_tenants) names; with a
/// root key, those of the root key's tenant.
pub struct Verifier(AnyVerifier);

impl Verifier {
    pub(super) fn new(verifier: AnyVerifier) -> Self {
        Self(verifier)
    }

    /// The same verifier for the keys of other tenants.
    ///
    /// # Errors
    /// `bad_request` with a root key, and for a server.
    pub fn with_tenants(self, tenants: Tenants) -> Result<Self> {
        self.0.with_tenants(tenants).map(Self)
    }

    /// Validates `key`, selects its limit at `endpoint` by its roles, and acquires one permit. Each list of variables has
    /// its own window; `variables` are at most 1,000, of at most 8 KiB together.
    ///
    /// If the key is cached, the verdict is returned at once. Otherwise a thread of the pool waits for the disk, or the
    /// server is awaited.
    ///
    /// ```
    /// # use gatekeeper::{Endpoints, Gatekeeper, Verdict};
    /// # use gatekeeper::key_manager::CreateKey;
    /// # pollster::block_on(async {
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let key = gatekeeper.call(CreateKey::new("user")).await?.api_key;
    /// let endpoints = Endpoints::from_json(r#"{"GET_TASKS": {"default": {"maxReq": 10, "duration": 60000}}}"#)?;
    /// let verifier = gatekeeper.verifier(endpoints)?;
    /// match verifier.verify(key.expose(), "GET_TASKS", &["task_id"]).await? {
    ///     Verdict::Admitted(decision) => assert_eq!(decision.remaining(), 9),
    ///     Verdict::RateLimited(decision) => panic!("429: wait {} ms", decision.retry_after_ms()),
    ///     _ => panic!("401"),
    /// }
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Checked in this order, all before the key: `unauthorized` for a wrong root key; `bad_request` for an endpoint that
    /// is not defined, and for variables out of bounds; `service_unavailable` if the store cannot be reached. For a server,
    /// also `connection_error` and `timeout`.
    pub async fn verify<V: AsRef<str>>(&self, key: &str, endpoint: &str, variables: &[V]) -> Result<Verdict> {
        self.verify_with(key, endpoint, variables, &VerifyOptions::default()).await
    }

    /// [`verify`](Self::verify) with options, such as the scopes that the key must have.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify); `bad_request` also for an option out of range, and for a cost above the limit that
    /// applies, which is checked last.
    pub async fn verify_with<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
        options: &VerifyOptions<'_>,
    ) -> Result<Verdict> {
        finished(Lane::LookUp, self.0.start(key, endpoint.into(), variables, options)?).await
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
