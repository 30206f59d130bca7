//! The paved path: open a place, call operations, make verifiers.

mod accounts;
mod background;
mod backup;
mod credential_cache;
mod embedded;
mod imports;
mod inspect;
mod open_files;
mod options;
mod pruning;
mod restore;
mod root_keys;
mod unaccepted_keys;
mod url;
mod validate;
mod verifier;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::authz::Attribution;
use crate::error::{GatekeeperError, Result};
use crate::limit::Endpoints;
use crate::operation::{self, CreatedRootKey, Operation, OperationDescriptor, Request};
#[cfg(feature = "remote")]
use crate::remote::Remote;
use crate::secret::Secret;
use crate::verify::{CacheStats, Credential, EmbeddedVerifier, VerdictCounters};
pub use accounts::AccountTenant;
#[doc(hidden)]
pub use background::{BackgroundTask, Lane};
pub use backup::{BackedUp, Backup};
pub use credential_cache::CredentialCache;
use embedded::Embedded;
pub use imports::{ImportSuffixes, ImportingTenant};
pub use inspect::{Inspection, SealedRows};
pub use options::Options;
pub use restore::{Restore, Restored};
pub use root_keys::RootKeyOf;
pub use unaccepted_keys::UnacceptedKeys;
pub use url::DatabaseUrl;
pub use verifier::Verifier;

/// A place with its records and counters, and for whom it is used: in a place of your own the operator, or a root key's
/// tenant, or whoever bears a token; on a server nobody, until a root key or a token is given.
///
/// Clones and threads share one place. In a process, a file is one place however often it is opened.
#[derive(Clone)]
pub struct Gatekeeper(At);

#[derive(Clone)]
enum At {
    Embedded(Embedded),
    #[cfg(feature = "remote")]
    Remote(Remote),
}

impl Gatekeeper {
    /// A place by its URL: `memory:` (a place of its own each time), `sqlite:PATH`, a plain path, or the `http://` or
    /// `https://` URL of a Gatekeeper server.
    ///
    /// A file is opened at first use, and made if it is not there ([`create`](Options::create)): for its owner alone. All processes of the machine that open it share its
    /// limits. A server is not spoken to before the first call either; its URL may have a path
    /// (`https://example.com/gatekeeper`), but no credential, query or fragment. Behind it nobody is the operator, and the
    /// proxies that the environment names (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) are used.
    ///
    /// ```
    /// let gatekeeper = gatekeeper::Gatekeeper::open("memory:")?;
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `bad_request` for a URL that names no such place.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, Options::default())
    }

    /// The same, with options. Where the file is open in this process already, its sizes stay as they are.
    ///
    /// # Errors
    /// `bad_request` for a URL that names no such place, for an option out of range, for a manual clock in a file, and
    /// for what a server decides for itself.
    pub fn open_with(url: &str, options: Options) -> Result<Self> {
        options.sizes()?;
        options.check_http()?;
        Ok(Self(match DatabaseUrl::parse(url)? {
            DatabaseUrl::Memory => At::Embedded(Embedded::open(None, options)?),
            DatabaseUrl::File(path) => At::Embedded(Embedded::open(Some(path), options)?),
            #[cfg(feature = "remote")]
            DatabaseUrl::Server => {
                options.check_remote()?;
                At::Remote(Remote::open(url, &options.http_options())?)
            }
            #[cfg(not(feature = "remote"))]
            DatabaseUrl::Server => {
                return Err(GatekeeperError::bad_request("url: this build opens no server"));
            }
        }))
    }

    /// The same place, used for the tenant of `root_key` alone. The key is judged at each call.
    #[must_use]
    pub fn with_root_key(&self, root_key: &Secret) -> Self {
        let root_key = &Secret::of_setting(root_key.expose());
        Self(match &self.0 {
            At::Embedded(embedded) => At::Embedded(embedded.acting(Credential::root_key(root_key))),
            #[cfg(feature = "remote")]
            At::Remote(remote) => At::Remote(remote.with_root_key(root_key)),
        })
    }

    /// The same place, used with a `Bearer` credential: a user's access token, an API key or a root key. It is judged at
    /// each call.
    #[must_use]
    pub fn with_token(&self, token: &Secret) -> Self {
        let token = &Secret::of_setting(token.expose());
        Self(match &self.0 {
            At::Embedded(embedded) => At::Embedded(embedded.acting(Credential::bearer(token))),
            #[cfg(feature = "remote")]
            At::Remote(remote) => At::Remote(remote.with_token(token)),
        })
    }

    /// The same place with other endpoints for [`VerifyApiKey`](crate::VerifyApiKey); a server keeps its own.
    #[must_use]
    pub fn with_endpoints(&self, endpoints: Endpoints) -> Self {
        match &self.0 {
            At::Embedded(embedded) => Self(At::Embedded(embedded.with_endpoints(endpoints))),
            #[cfg(feature = "remote")]
            At::Remote(_) => self.clone(),
        }
    }

    /// The same place; how its verifications end is counted in `verdict_counters`. A server counts for itself.
    #[must_use]
    pub fn counting(&self, verdict_counters: Arc<VerdictCounters>) -> Self {
        match &self.0 {
            At::Embedded(embedded) => Self(At::Embedded(embedded.counting(verdict_counters))),
            #[cfg(feature = "remote")]
            At::Remote(_) => self.clone(),
        }
    }

    /// How full the caches of this place are; a server's are its own.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().engine().cache_stats(),
            #[cfg(feature = "remote")]
            At::Remote(_) => CacheStats { keys: 0, unknown_keys: 0 },
        }
    }

    /// The same place, used by nobody in particular, who may sign up and log in.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self(match &self.0 {
            At::Embedded(embedded) => At::Embedded(embedded.acting(Credential::Anonymous)),
            #[cfg(feature = "remote")]
            At::Remote(remote) => At::Remote(remote.anonymous()),
        })
    }

    /// The same place, used by whoever runs it, who may do everything; this is how a place of your own is opened.
    ///
    /// # Errors
    /// `bad_request` for a server, which lets nobody be that.
    pub fn operator(&self) -> Result<Self> {
        Ok(Self(At::Embedded(self.embedded("operator")?.acting(Credential::Operator))))
    }

    /// Whether the place is a server's: every call then waits for the network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match &self.0 {
            At::Embedded(_) => false,
            #[cfg(feature = "remote")]
            At::Remote(_) => true,
        }
    }

    /// The same place, for calls that come from `client_address`: the address of a client, say. Wrong passwords and keys are
    /// counted by it. All of an IPv6 network of 64 bits counts as one address. A server is told nothing of it: it counts by
    /// the address that it sees.
    #[must_use]
    pub fn with_client_address(&self, client_address: &str) -> Self {
        match &self.0 {
            At::Embedded(embedded) => Self(At::Embedded(embedded.with_client_address(client_address))),
            #[cfg(feature = "remote")]
            At::Remote(_) => self.clone(),
        }
    }

    /// The same, for a call of which it is noted in `attribution` who made it: for the log of a server. A remote server notes
    /// that for itself.
    #[must_use]
    pub fn attributing(&self, attribution: &Arc<Attribution>) -> Self {
        match &self.0 {
            At::Embedded(embedded) => Self(At::Embedded(embedded.attributing(attribution))),
            #[cfg(feature = "remote")]
            At::Remote(_) => self.clone(),
        }
    }

    /// The same for calls that may make neither an account nor a tenant: for a server whose sign-up is closed. A server
    /// decides for itself.
    #[must_use]
    pub fn with_closed_signup(&self) -> Self {
        match &self.0 {
            At::Embedded(embedded) => Self(At::Embedded(embedded.with_closed_signup())),
            #[cfg(feature = "remote")]
            At::Remote(_) => self.clone(),
        }
    }

    /// The public keys of access tokens, as a JWK Set (RFC 7517 §5).
    ///
    /// # Errors
    /// `service_unavailable` where the store cannot be reached; `connection_error` and `timeout` where a server gave no
    /// answer.
    pub fn jwks(&self) -> Result<serde_json::Value> {
        pollster::block_on(self.jwks_async())
    }

    /// [`jwks`](Self::jwks) for code that must not hold up its thread while a server answers.
    ///
    /// # Errors
    /// As for [`jwks`](Self::jwks).
    pub async fn jwks_async(&self) -> Result<serde_json::Value> {
        match &self.0 {
            At::Embedded(embedded) => embedded.jwks(),
            #[cfg(feature = "remote")]
            At::Remote(remote) => remote.jwks().await,
        }
    }

    /// How many valid keys were rejected in this process because the operator did not name their tenants: see
    /// [`Tenants`](crate::Tenants). A server counts for itself.
    #[must_use]
    pub fn other_tenants_rejected(&self) -> u64 {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().engine().other_tenants_rejected(),
            #[cfg(feature = "remote")]
            At::Remote(_) => 0,
        }
    }

    /// Whether [`take_warning`](Self::take_warning) has something to say: this costs a verification nothing.
    #[inline]
    #[must_use]
    pub fn has_warning(&self) -> bool {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().has_warning(),
            #[cfg(feature = "remote")]
            At::Remote(_) => false,
        }
    }

    /// What whoever runs the place should be told, such as that its secret was made in a file beside the database; each
    /// warning is given once in a process. For SDKs, which ask after each call; it is logged too.
    #[must_use]
    pub fn take_warning(&self) -> Option<String> {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().take_warning(),
            #[cfg(feature = "remote")]
            At::Remote(_) => None,
        }
    }

    /// The file of the database, where this process has just made it; said once. A path that was mistyped is made, too,
    /// unless [`create`](Options::create) is false. For SDKs, which ask after a call that may have opened it; it is
    /// logged too, as the event `created`.
    #[must_use]
    pub fn take_created(&self) -> Option<PathBuf> {
        match &self.0 {
            At::Embedded(embedded) => embedded.database().store().take_created(),
            #[cfg(feature = "remote")]
            At::Remote(_) => None,
        }
    }

    /// Makes a tenant and its root key. For the operator only.
    ///
    /// ```
    /// use gatekeeper::{CreateKey, Gatekeeper};
    /// let gatekeeper = Gatekeeper::open("memory:")?;
    /// let root = gatekeeper.create_root_key("Acme Inc")?;
    /// let acme = gatekeeper.with_root_key(&root.key);
    /// acme.call_blocking(CreateKey::new("acme"))?;
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for a root key; `bad_request` for a server, and for a name that is empty, longer than 256 bytes or carries U+0000;
    /// `service_unavailable` where the store cannot be reached.
    pub fn create_root_key(&self, tenant_name: &str) -> Result<CreatedRootKey> {
        self.add_root_key(RootKeyOf::NewTenant(tenant_name))
    }

    /// Runs an operation. In the file place it waits for the disk on this thread: offload it where that matters. A server
    /// is waited for under any executor; dropping the future gives the request up.
    ///
    /// # Errors
    /// `unauthorized` for a root key that is wrong; `bad_request` and `not_found` as the operation says;
    /// `service_unavailable` where the store cannot be reached; `connection_error` and `timeout` where a server gave no
    /// answer.
    pub async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        match &self.0 {
            At::Embedded(embedded) => embedded.call(operation).await,
            #[cfg(feature = "remote")]
            At::Remote(remote) => remote.call(&operation).await,
        }
    }

    /// What [`call`](Self::call) answers, if that can be said without waiting for the disk; see
    /// [`try_dispatch`](Self::try_dispatch).
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn try_call<O: Operation>(&self, operation: &O) -> Result<Option<O::Output>> {
        match &self.0 {
            At::Embedded(embedded) => operation::try_call(embedded.as_call(), operation),
            #[cfg(feature = "remote")]
            At::Remote(_) => Ok(None),
        }
    }

    /// [`call`](Self::call) for callers that are not asynchronous.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn call_blocking<O: Operation>(&self, operation: O) -> Result<O::Output> {
        pollster::block_on(self.call(operation))
    }

    /// Checks that the store and the counters answer, that the stored signing keys open, and that what is signed verifies.
    /// Makes the secret and the first signing key where there is none. Waits for the disk, or for the server.
    ///
    /// # Errors
    /// `service_unavailable` where one of them does not, and while other processes use the database with another secret;
    /// `connection_error` and `timeout` where a server gave no answer.
    pub fn check_ready(&self) -> Result<()> {
        match &self.0 {
            At::Embedded(embedded) => embedded.check_ready(),
            #[cfg(feature = "remote")]
            At::Remote(remote) => pollster::block_on(remote.check_ready()),
        }
    }

    /// Runs the operation `name` of [`TABLE`](crate::TABLE) on a request in JSON; answers in JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` too for an unknown name, and for JSON that is not such a request.
    pub async fn call_json(&self, name: &str, request: &str) -> Result<String> {
        let Some(descriptor) = operation::find(name) else {
            return Err(GatekeeperError::bad_request("no operation has this name"));
        };
        self.dispatch(descriptor, request.into()).await
    }

    /// Runs an operation of [`TABLE`](crate::TABLE) on a request whose fields may come from a path and a query, too;
    /// answers in JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` too for what is not such a request.
    pub async fn dispatch(&self, descriptor: &OperationDescriptor, request: Request<'_>) -> Result<String> {
        match &self.0 {
            At::Embedded(embedded) => embedded.dispatch(descriptor, request).await,
            #[cfg(feature = "remote")]
            At::Remote(remote) => remote.dispatch(descriptor, request).await,
        }
    }

    /// What [`dispatch`](Self::dispatch) answers, if that can be said without waiting for the disk: so it is with most
    /// verifications. For callers that must not wait; otherwise call `dispatch` where waiting is allowed.
    ///
    /// # Errors
    /// As for [`dispatch`](Self::dispatch).
    pub fn try_dispatch(
        &self,
        descriptor: &OperationDescriptor,
        request: Request<'_>,
    ) -> Result<Option<String>> {
        match &self.0 {
            At::Embedded(embedded) => descriptor.try_call(embedded.as_call(), request),
            #[cfg(feature = "remote")]
            At::Remote(_) => Ok(None),
        }
    }

    /// [`dispatch`](Self::dispatch) for callers that are not asynchronous.
    ///
    /// # Errors
    /// As for [`dispatch`](Self::dispatch).
    pub fn dispatch_blocking(
        &self,
        descriptor: &OperationDescriptor,
        request: Request<'_>,
    ) -> Result<String> {
        pollster::block_on(self.dispatch(descriptor, request))
    }

    /// [`call_json`](Self::call_json) for callers that are not asynchronous.
    ///
    /// # Errors
    /// As for [`call_json`](Self::call_json).
    pub fn call_json_blocking(&self, name: &str, request: &str) -> Result<String> {
        pollster::block_on(self.call_json(name, request))
    }

    /// Judges the caller alone, as every call does before it looks at its arguments. For SDKs whose arguments can be of
    /// a wrong type.
    ///
    /// # Errors
    /// `unauthorized` for a root key that is wrong; `service_unavailable` where the store cannot be reached.
    pub fn check_credential(&self) -> Result<()> {
        pollster::block_on(self.check_credential_async())
    }

    /// [`check_credential`](Self::check_credential) for code that must not hold up its thread while a server answers.
    ///
    /// # Errors
    /// As for [`check_credential`](Self::check_credential).
    pub async fn check_credential_async(&self) -> Result<()> {
        match &self.0 {
            At::Embedded(embedded) => embedded.check_credential(),
            #[cfg(feature = "remote")]
            At::Remote(remote) => remote.check_credential().await,
        }
    }

    /// A verifier for these endpoints; their limits travel with each call to a server. It accepts the keys of the root
    /// key's tenant, or, without one, those of the tenant `default`: [`Verifier::with_tenants`] names others.
    ///
    /// # Errors
    /// `bad_request` for what a server cannot be told: a role that is called `DEFAULT`. A root key is judged at each
    /// verification.
    pub fn verifier(&self, endpoints: Endpoints) -> Result<Verifier> {
        match &self.0 {
            At::Embedded(embedded) => {
                let (engine, credential) =
                    (Arc::clone(embedded.database().engine()), Arc::clone(&embedded.credential));
                Ok(Verifier::embedded(
                    EmbeddedVerifier::new(engine, credential, endpoints),
                    Arc::clone(embedded.database()),
                ))
            }
            #[cfg(feature = "remote")]
            At::Remote(remote) => remote.verifier(endpoints).map(Into::into),
        }
    }

    /// The place, where it is one of your own.
    #[cfg_attr(
        not(feature = "remote"),
        allow(unused_variables, clippy::unnecessary_wraps, reason = "there are no others")
    )]
    fn embedded(&self, what: &str) -> Result<&Embedded> {
        match &self.0 {
            At::Embedded(embedded) => Ok(embedded),
            #[cfg(feature = "remote")]
            At::Remote(_) => Err(GatekeeperError::bad_request(format!(
                "{what}: this is for whoever runs the place, where it is: not for an http:// or https:// URL"
            ))),
        }
    }
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            At::Embedded(embedded) => {
                f.debug_struct("Gatekeeper").field("caller", &embedded.credential).finish_non_exhaustive()
            }
            #[cfg(feature = "remote")]
            At::Remote(remote) => f.debug_tuple("Gatekeeper").field(remote).finish(),
        }
    }
}
