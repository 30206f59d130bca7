//! Verification for code that does not await.

use std::fmt;

use super::wait;
use crate::backend::{AnyVerifier, Started, StartedVerification};
use crate::error::Result;
use crate::verify::{EndpointRef, Tenants, Verdict, VerifyOptions};

/// Verifies API keys against the limits of a set of endpoints. Share one between all threads.
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
    /// ```
    /// # use gatekeeper::{Endpoints, Tenants, blocking::Gatekeeper};
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let acme = gatekeeper.create_root_key("Acme Inc")?.tenant_id;
    /// let verifier = gatekeeper.verifier(Endpoints::new())?.with_tenants(Tenants::from(acme))?;
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `bad_request` with a root key, and for a server.
    pub fn with_tenants(self, tenants: Tenants) -> Result<Self> {
        self.0.with_tenants(tenants).map(Self)
    }

    /// Validates `key`, selects its limit at `endpoint` by its roles, and acquires one permit. Each list of variables has
    /// its own window; `variables` are at most 1,000, of at most 8 KiB together.
    ///
    /// It waits for the disk if the key is not cached or something has changed, and for a server at each call.
    ///
    /// ```
    /// # use gatekeeper::{Endpoints, Verdict};
    /// # use gatekeeper::blocking::Gatekeeper;
    /// # use gatekeeper::key_manager::CreateKey;
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let key = gatekeeper.call(CreateKey::new("user"))?.api_key;
    /// let endpoints = Endpoints::from_json(r#"{"GET_TASKS": {"default": {"maxReq": 10, "duration": 60000}}}"#)?;
    /// let verifier = gatekeeper.verifier(endpoints)?;
    /// match verifier.verify(key.expose(), "GET_TASKS", &["task_id"])? {
    ///     Verdict::Admitted(decision) => assert_eq!(decision.remaining(), 9),
    ///     Verdict::RateLimited(decision) => panic!("429: wait {} ms", decision.retry_after_ms()),
    ///     _ => panic!("401"),
    /// }
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// Checked in this order, all before the key: `unauthorized` for a wrong root key; `bad_request` for an endpoint that
    /// is not defined, and for variables out of bounds; `service_unavailable` if the store cannot be reached. For a server,
    /// also `connection_error` and `timeout`.
    #[inline]
    pub fn verify<V: AsRef<str>>(&self, key: &str, endpoint: &str, variables: &[V]) -> Result<Verdict> {
        self.verify_with(key, endpoint, variables, &VerifyOptions::default())
    }

    /// [`verify`](Self::verify) with options, such as the scopes that the key must have.
    ///
    /// ```
    /// # use gatekeeper::{Endpoints, Verdict, VerifyOptions};
    /// # use gatekeeper::blocking::Gatekeeper;
    /// # use gatekeeper::key_manager::CreateKey;
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let key = gatekeeper.call(CreateKey::new("user"))?.api_key;
    /// # let endpoints = Endpoints::from_json(r#"{"EXPORT": {"default": {"maxReq": 10, "duration": 60000}}}"#)?;
    /// # let verifier = gatekeeper.verifier(endpoints)?;
    /// let options = VerifyOptions::default().scopes(&["export"]);
    /// let verdict = verifier.verify_with::<&str>(key.expose(), "EXPORT", &[], &options)?;
    /// assert!(matches!(verdict, Verdict::Forbidden(_)), "the key does not have this scope");
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`verify`](Self::verify); `bad_request` also for an option out of range, and for a cost above the limit that
    /// applies, which is checked last.
    #[inline]
    pub fn verify_with<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
        options: &VerifyOptions<'_>,
    ) -> Result<Verdict> {
        match self.start(key, endpoint, variables, options)? {
            Started::Done(verdict) => Ok(verdict),
            Started::Pending(rest) => wait(rest.finish()),
        }
    }

    /// Verifies a key as far as that needs no I/O. For SDKs, which finish the rest where it may wait.
    ///
    /// # Errors
    /// As for [`verify_with`](Self::verify_with).
    #[doc(hidden)]
    #[inline]
    pub fn start<'a, V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: impl Into<EndpointRef<'a>>,
        variables: &[V],
        options: &VerifyOptions<'_>,
    ) -> Result<StartedVerification> {
        self.0.start(key, endpoint.into(), variables, options)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("blocking::Verifier").finish_non_exhaustive()
    }
}
