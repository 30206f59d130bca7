//! Verification against a set of endpoints, here or by a server.

use crate::database::OpenDatabase;
use crate::error::Result;
#[cfg(feature = "remote")]
use crate::remote::RemoteVerifier;
#[cfg(feature = "remote")]
use crate::verify::tenants_of_root_key;
use crate::verify::{EmbeddedVerifier, Tenants, Verdict};

/// Verifies keys of its tenants against its endpoints. Share one among all threads.
///
/// It accepts the keys of the tenant `default` only, or of the tenants that [`with_tenants`](Self::with_tenants) names;
/// with a root key, those of the root key's tenant.
pub struct Verifier(At);

enum At {
    Embedded(Embedded),
    #[cfg(feature = "remote")]
    Remote(RemoteVerifier),
}

/// A verifier that keeps its place: for as long as one of the two is used, the file is open once.
struct Embedded {
    verifier: EmbeddedVerifier,
    _place: OpenDatabase,
}

#[cfg(feature = "remote")]
impl From<RemoteVerifier> for Verifier {
    fn from(verifier: RemoteVerifier) -> Self {
        Self(At::Remote(verifier))
    }
}

impl Verifier {
    pub(super) fn embedded(verifier: EmbeddedVerifier, database: OpenDatabase) -> Self {
        Self(At::Embedded(Embedded { verifier, _place: database }))
    }

    /// The same verifier for the keys of these tenants, in place of those of the tenant `default`.
    ///
    /// ```
    /// # use gatekeeper::{Endpoints, Gatekeeper, Tenants};
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let acme = gatekeeper.create_root_key("Acme Inc")?.tenant_id;
    /// let verifier = gatekeeper.verifier(Endpoints::new())?.with_tenants(Tenants::from(acme))?;
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `bad_request` with a root key, and on a server, where a root key is needed: it accepts the keys of its own tenant.
    pub fn with_tenants(self, tenants: Tenants) -> Result<Self> {
        match self.0 {
            At::Embedded(Embedded { verifier, _place: database }) => Ok(Self(At::Embedded(Embedded {
                verifier: verifier.with_tenants(tenants)?,
                _place: database,
            }))),
            #[cfg(feature = "remote")]
            At::Remote(_) => Err(tenants_of_root_key()),
        }
    }

    /// Judges `key`, chooses its limit at `endpoint`, and takes one permit of its slot, which is the key, the endpoint
    /// and the `variables` in their order: at most 1,000, 8 KiB together.
    ///
    /// In the file place this may wait for the disk where the key was not seen before or something has changed; behind
    /// `http://` it waits for the server, see [`verify_async`](Self::verify_async).
    ///
    /// ```
    /// # use gatekeeper::{CreateKey, Endpoints, Gatekeeper, Verdict};
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let key = gatekeeper.call_blocking(CreateKey::new("user"))?.api_key;
    /// let endpoints = Endpoints::from_json(r#"{"GET_TASKS": {"default": {"maxReq": 10, "duration": 60000}}}"#)?;
    /// let verifier = gatekeeper.verifier(endpoints)?;
    /// match verifier.verify(key.expose(), "GET_TASKS", &["task_id"])? {
    ///     Verdict::Admitted(decision) => assert_eq!(decision.remaining(), 9),
    ///     Verdict::RateLimited(decision) => panic!("429: wait {} ms", decision.retry_after_ms()),
    ///     Verdict::InvalidKey => panic!("401"),
    /// }
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `unauthorized` for a root key that is wrong; `bad_request` for an endpoint that was never defined, and for
    /// variables out of bounds; `service_unavailable` where the store cannot be reached. In this order, and all of
    /// them before a word on the key. `connection_error` and `timeout` where a server gave no answer.
    #[inline]
    pub fn verify<V: AsRef<str>>(&self, key: &str, endpoint: &str, variables: &[V]) -> Result<Verdict> {
        match &self.0 {
            At::Embedded(embedded) => embedded.verifier.verify(key, endpoint, variables),
            #[cfg(feature = "remote")]
            At::Remote(remote) => pollster::block_on(remote.verify(key, endpoint, variables)),
        }
    }

    /// [`verify`](Self::verify) for code that must not hold up its thread while a server answers. In a place of your own
    /// it is the same, and may wait for the disk.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    pub async fn verify_async<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Verdict> {
        match &self.0 {
            At::Embedded(embedded) => embedded.verifier.verify(key, endpoint, variables),
            #[cfg(feature = "remote")]
            At::Remote(remote) => remote.verify(key, endpoint, variables).await,
        }
    }

    /// The same, if it can be said at once; nothing where the store or a server has to be asked. For callers that must
    /// not wait: then call [`verify`](Self::verify) where waiting is allowed.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    #[inline]
    pub fn try_verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Option<Verdict>> {
        match &self.0 {
            At::Embedded(embedded) => embedded.verifier.try_verify(key, endpoint, variables),
            #[cfg(feature = "remote")]
            At::Remote(_) => Ok(None),
        }
    }
}
