//! The paved path: open a place, call operations, make verifiers.

mod callers;
mod open_files;
mod options_json;
mod url;

use std::fmt;
use std::sync::Arc;

use crate::access::{Call, Settings};
use crate::clock::Clock;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::identity::{Keyring, SigningAlgorithm};
use crate::key;
use crate::limit::Endpoints;
use crate::metering::Retention;
use crate::operation::{self, Entry, Operation, Request};
use crate::place::{OpenPlace, Place as Opened};
use crate::secret::Secret;
use crate::store::DEFAULT_TENANT;
use crate::verify::{CacheSizes, Caller, Decisions, Io, Remembering, Targets, ValidatedKey, Verifier};
use crate::window::Limit;
pub use callers::Callers;
use url::Place;

/// How a place is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How many keys are remembered, 0 to 100,000,000; about 180 bytes each. Defaults to 1,000,000.
    pub cache_keys: usize,
    /// How many digests are remembered to be nobody's, apart from the keys; 0 to 100,000,000. Defaults to 100,000.
    pub cache_unknown_keys: usize,
    /// What tells the time; anything but the system's clock is for `memory:`. Defaults to the system's.
    pub clock: Clock,
    /// What seals the signing keys, authenticates cursors and makes the successors of refresh tokens: at least 16 bytes,
    /// the same in every process. Defaults to the environment variable `GATEKEEPER_SECRET`, and without that to a file
    /// beside the database, made for its owner alone; in memory to a new one.
    pub secret: Option<Secret>,
    /// The `iss` of access tokens. Defaults to `gatekeeper`.
    pub issuer: String,
    /// The `aud` of access tokens. Defaults to `gatekeeper`.
    pub audience: String,
    /// What tokens are signed with. Defaults to `EdDSA`.
    pub signing_algorithm: SigningAlgorithm,
    /// For how long the same refresh token gives the same successor, in ms; 0 for never. Defaults to 10,000.
    pub refresh_grace_ms: u64,
    /// For how many days, 1 to 36,500, single usage events are kept; older ones go as new ones are recorded, and their
    /// idempotency keys with them. Sums are kept. Defaults to none: events are kept for good.
    pub usage_retention_days: Option<u32>,
    /// The endpoints that keys are verified against by [`VerifyApiKey`](crate::VerifyApiKey). Defaults to none.
    pub endpoints: Endpoints,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_keys: 1_000_000,
            cache_unknown_keys: 100_000,
            clock: Clock::System,
            secret: std::env::var("GATEKEEPER_SECRET").ok().filter(|text| !text.is_empty()).map(Secret::new),
            issuer: "gatekeeper".to_owned(),
            audience: "gatekeeper".to_owned(),
            signing_algorithm: SigningAlgorithm::default(),
            refresh_grace_ms: 10_000,
            usage_retention_days: None,
            endpoints: Endpoints::new(),
        }
    }
}

/// A place with its records and counters, and for whom it is used: the operator, or a root key's tenant.
///
/// Clones and threads share one place. In a process, a file is one place however often it is opened.
#[derive(Clone)]
pub struct Gatekeeper {
    place: OpenPlace,
    settings: Arc<Settings>,
    caller: Arc<Caller>,
    source: Option<Arc<str>>,
    /// Of this handle, not of the place: a file that is opened twice may be opened with other endpoints.
    targets: Arc<Targets>,
    decisions: Option<Arc<Decisions>>,
}

/// A new tenant and its root key.
#[derive(Debug)]
pub struct CreatedRootKey {
    /// The tenant that the key acts for.
    pub tenant_id: TenantId,
    /// `gkr_…`; it is not stored and cannot be shown again.
    pub key: Secret,
}

impl Gatekeeper {
    /// A place by its URL: `memory:` (a place of its own each time), `sqlite:PATH`, or a plain path.
    ///
    /// A file is opened at first use, and made there if it is not. All processes of the machine that open it share its
    /// limits.
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
    /// `bad_request` for a URL that names no such place, for a size out of range, and for a manual clock in a file.
    pub fn open_with(url: &str, options: Options) -> Result<Self> {
        let sizes = CacheSizes {
            known: checked("cacheKeys", options.cache_keys)?,
            unknown: checked("cacheUnknownKeys", options.cache_unknown_keys)?,
        };
        let Options {
            clock,
            secret,
            issuer,
            audience,
            refresh_grace_ms,
            signing_algorithm: algorithm,
            usage_retention_days,
            endpoints,
            ..
        } = options;
        let retention = usage_retention_days.map(Retention::of_days).transpose()?;
        let settings = Arc::new(Settings { issuer, audience, refresh_grace_ms, algorithm, retention });
        let place = match (url::parse(url)?, &clock) {
            (Place::Memory, _) => Opened::in_memory(clock, &sizes)?,
            (Place::File(path), Clock::System) => open_files::place(path, &sizes)?,
            (Place::File(_), Clock::Manual(_)) => {
                return Err(GatekeeperError::bad_request("clock: a manual clock is for memory: only"));
            }
        };
        place.take_secret(secret)?;
        let targets = Arc::new(Targets::new(endpoints));
        Ok(Self {
            place,
            settings,
            caller: Arc::new(Caller::Operator),
            source: None,
            targets,
            decisions: None,
        })
    }

    /// The same place, used for the tenant of `root_key` alone. The key is judged at each call.
    #[must_use]
    pub fn with_root_key(&self, root_key: &Secret) -> Self {
        Self { caller: Arc::new(Caller::root_key(root_key)), ..self.clone() }
    }

    /// The same place, used with a `Bearer` credential: a user's access token, an API key or a root key. It is judged at
    /// each call.
    #[must_use]
    pub fn with_token(&self, token: &Secret) -> Self {
        Self { caller: Arc::new(Caller::bearer(token)), ..self.clone() }
    }

    /// The same, with a caller who is remembered in `callers`: what was found of a root key is used again for as long as
    /// nothing has changed.
    #[must_use]
    pub fn with_remembered_token(&self, token: &Secret, callers: &Callers) -> Self {
        Self { caller: callers.of(token), ..self.clone() }
    }

    /// The same place with other endpoints for [`VerifyApiKey`](crate::VerifyApiKey).
    #[must_use]
    pub fn with_endpoints(&self, endpoints: Endpoints) -> Self {
        Self { targets: Arc::new(Targets::new(endpoints)), ..self.clone() }
    }

    /// The same place; how its verifications end is counted in `decisions`.
    #[must_use]
    pub fn counting(&self, decisions: Arc<Decisions>) -> Self {
        Self { decisions: Some(decisions), ..self.clone() }
    }

    /// How full the caches of this place are.
    #[must_use]
    pub fn remembering(&self) -> Remembering {
        self.place.engine().remembering()
    }

    /// The same place, used by nobody in particular, who may sign up and log in.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { caller: Arc::new(Caller::Anonymous), ..self.clone() }
    }

    /// The same place, for calls that come from `source`: the address of a client, say. Failed logins are counted by it.
    #[must_use]
    pub fn from_source(&self, source: &str) -> Self {
        Self { source: Some(source.into()), ..self.clone() }
    }

    /// The public keys of access tokens, as a JWK Set (RFC 7517 §5).
    ///
    /// # Errors
    /// `service_unavailable` where the store cannot be reached.
    pub fn jwks(&self) -> Result<serde_json::Value> {
        self.place.signers().jwks(self.keyring()?)
    }

    /// What whoever runs the place should be told, such as that its secret was made in a file beside the database; each
    /// warning is given once in a process. For SDKs, which ask after each call; it is logged too.
    #[must_use]
    pub fn take_warning(&self) -> Option<String> {
        self.place.take_warning()
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
    /// `forbidden` for a root key; `bad_request` for a name that is empty, longer than 256 bytes or carries U+0000;
    /// `service_unavailable` where the store cannot be reached.
    pub fn create_root_key(&self, tenant_name: &str) -> Result<CreatedRootKey> {
        self.operator_only("only the operator creates root keys")?;
        if tenant_name.is_empty() || tenant_name.len() > 256 || tenant_name.contains('\0') {
            return Err(GatekeeperError::bad_request("tenant name must be 1 to 256 bytes without U+0000"));
        }
        let clock = self.place.clock();
        let tenant_id = TenantId::generate(clock)?;
        let key = key::generate_root()?;
        let (id, now) = (KeyId::generate(clock)?, self.place.now());
        self.place.store().write(|tx| {
            tx.add_tenant(tenant_id, tenant_name, now)?;
            tx.add_root_key(id, tenant_id, &key.digest(), now)
        })?;
        Ok(CreatedRootKey { tenant_id, key })
    }

    /// Runs an operation. In the file place it waits for the disk on this thread: offload it where that matters.
    ///
    /// # Errors
    /// `unauthorized` for a root key that is wrong; `bad_request` and `not_found` as the operation says;
    /// `service_unavailable` where the store cannot be reached.
    pub async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let context = operation::admitted(self.as_call(), &operation)?;
        operation.run(&context).await
    }

    /// What [`call`](Self::call) answers, if that can be said without waiting for the disk; see
    /// [`try_call_entry`](Self::try_call_entry).
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn try_call<O: Operation>(&self, operation: &O) -> Result<Option<O::Output>> {
        operation::try_call(self.as_call(), operation)
    }

    /// [`call`](Self::call) for callers that are not asynchronous.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn call_blocking<O: Operation>(&self, operation: O) -> Result<O::Output> {
        pollster::block_on(self.call(operation))
    }

    /// Asks the store and the counters whether they answer. Waits for the disk.
    ///
    /// # Errors
    /// `service_unavailable` where one of them does not.
    pub fn check_ready(&self) -> Result<()> {
        self.place.store().read_rows(|rows| rows.tenant(DEFAULT_TENANT))?;
        self.place.engine().take_unkeyed("ready", "", Limit::new(u32::MAX, 1)?).map(drop)
    }

    /// Runs the operation `name` of [`TABLE`](crate::TABLE) on a request in JSON; answers in JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` too for an unknown name, and for JSON that is not such a request.
    pub async fn call_json(&self, name: &str, request: &str) -> Result<String> {
        let Some(entry) = operation::find(name) else {
            return Err(GatekeeperError::bad_request("no operation has this name"));
        };
        self.call_entry(entry, request.into()).await
    }

    /// Runs an operation of [`TABLE`](crate::TABLE) on a request whose fields may come from a path and a query, too;
    /// answers in JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` too for what is not such a request.
    pub async fn call_entry(&self, entry: &Entry, request: Request<'_>) -> Result<String> {
        entry.call(self.as_call(), request).await
    }

    /// What [`call_entry`](Self::call_entry) answers, if that can be said without waiting for the disk: so it is with most
    /// verifications. For callers that must not wait; otherwise call `call_entry` where waiting is allowed.
    ///
    /// # Errors
    /// As for [`call_entry`](Self::call_entry).
    pub fn try_call_entry(&self, entry: &Entry, request: Request<'_>) -> Result<Option<String>> {
        entry.try_call(self.as_call(), request)
    }

    /// [`call_entry`](Self::call_entry) for callers that are not asynchronous.
    ///
    /// # Errors
    /// As for [`call_entry`](Self::call_entry).
    pub fn call_entry_blocking(&self, entry: &Entry, request: Request<'_>) -> Result<String> {
        pollster::block_on(self.call_entry(entry, request))
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
    pub fn check_caller(&self) -> Result<()> {
        self.caller.tenant_now(self.place.engine()).map(drop)
    }

    /// What the operation [`ValidateApiKey`](crate::ValidateApiKey) answers, without its way through JSON: the key, if it
    /// is good. Nothing is taken from any limit. Whoever has the key may ask.
    ///
    /// In the file place this may wait for the disk where the key was not seen before or something has changed.
    ///
    /// ```
    /// # use gatekeeper::{CreateKey, Gatekeeper};
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let created = gatekeeper.call_blocking(CreateKey::new("user"))?;
    /// let key = gatekeeper.validate(created.api_key.expose())?;
    /// assert_eq!(key.id(), created.id);
    /// assert_eq!(gatekeeper.validate("no key").unwrap_err().status(), 401);
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `unauthorized` for a key that is not good, the same for all; `service_unavailable` where the store cannot be
    /// reached.
    pub fn validate(&self, key: &str) -> Result<ValidatedKey> {
        self.place.engine().validate_waiting(key)
    }

    /// The same, if it can be said at once; nothing where the store has to be asked. For callers that must not wait:
    /// then call [`validate`](Self::validate) where waiting is allowed.
    ///
    /// # Errors
    /// As for [`validate`](Self::validate).
    pub fn try_validate(&self, key: &str) -> Result<Option<ValidatedKey>> {
        self.place.engine().validate(key, Io::Forbidden)
    }

    /// A verifier for these endpoints.
    ///
    /// # Errors
    /// None today: a root key is judged at each verification.
    pub fn verifier(&self, endpoints: Endpoints) -> Result<Verifier> {
        Ok(Verifier::new(Arc::clone(self.place.engine()), Arc::clone(&self.caller), endpoints))
    }

    fn keyring(&self) -> Result<Keyring<'_>> {
        self.place.keyring(self.settings.algorithm)
    }

    fn as_call(&self) -> Call<'_> {
        Call {
            place: &self.place,
            settings: &self.settings,
            caller: &self.caller,
            source: self.source.as_deref(),
            targets: &self.targets,
            decisions: self.decisions.as_deref(),
        }
    }

    fn operator_only(&self, refusal: &str) -> Result<()> {
        match *self.caller {
            Caller::Operator => Ok(()),
            _ => Err(GatekeeperError::new(ErrorKind::Forbidden, refusal)),
        }
    }
}

/// The most records that can be remembered.
const MOST_CACHED: usize = 100_000_000;

fn checked(name: &str, size: usize) -> Result<usize> {
    if size > MOST_CACHED {
        return Err(GatekeeperError::bad_request(format!(
            "{name} must be a whole number from 0 to {MOST_CACHED}"
        )));
    }
    Ok(size)
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gatekeeper").field("caller", &self.caller).finish_non_exhaustive()
    }
}
