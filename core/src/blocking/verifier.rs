//! Verification for code that does not await.

#[cfg(feature = "remote")]
use super::wait;
use crate::backend::AnyVerifier;
use crate::error::Result;
use crate::verify::{Tenants, Verdict};

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
    /// # use gatekeeper::{CreateKey, Endpoints, Verdict, blocking::Gatekeeper};
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
        match &self.0 {
            AnyVerifier::Embedded(verifier, _) => verifier.verify(key, endpoint, variables),
            #[cfg(feature = "remote")]
            AnyVerifier::Remote(verifier) => wait(verifier.verify(key, endpoint, variables)),
        }
    }

    /// The verdict, if it needs no I/O. For SDKs, which otherwise call [`verify`](Self::verify) on a thread that may block.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    #[doc(hidden)]
    #[inline]
    pub fn try_verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Option<Verdict>> {
        self.0.try_verify(key, endpoint, variables)
    }

    /// The verdict. With a database, the future blocks the thread that polls it; with a server, it awaits. For SDKs.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    #[doc(hidden)]
    pub async fn verify_on_this_thread<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Verdict> {
        self.0.verify(key, endpoint, variables).await
    }
}
