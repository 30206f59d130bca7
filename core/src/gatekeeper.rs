//! The paved path: open a place, call operations, make verifiers.

mod open_files;
mod url;

use std::fmt;
use std::sync::Arc;

use crate::access::Context;
use crate::clock::Clock;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::key;
use crate::limit::Endpoints;
use crate::operation::{self, Operation};
use crate::secret::Secret;
use crate::verify::{CacheSizes, Caller, Engine, OpenEngine, Verifier};
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
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_keys: 1_000_000, cache_unknown_keys: 100_000, clock: Clock::System }
    }
}

/// A place with its records and counters, and for whom it is used: the operator, or a root key's tenant.
///
/// Clones and threads share one place. In a process, a file is one place however often it is opened.
#[derive(Clone)]
pub struct Gatekeeper {
    engine: OpenEngine,
    caller: Arc<Caller>,
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
        let engine = match (url::parse(url)?, &options.clock) {
            (Place::Memory, _) => Engine::in_memory(options.clock, &sizes)?,
            (Place::File(path), Clock::System) => open_files::engine(path, &sizes)?,
            (Place::File(_), Clock::Manual(_)) => {
                return Err(GatekeeperError::bad_request("clock: a manual clock is for memory: only"));
            }
        };
        Ok(Self { engine, caller: Arc::new(Caller::Operator) })
    }

    /// The same place, used for the tenant of `root_key` alone. The key is judged at each call.
    #[must_use]
    pub fn with_root_key(&self, root_key: &Secret) -> Self {
        Self { engine: Arc::clone(&self.engine), caller: Arc::new(Caller::root_key(root_key)) }
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
        if !matches!(*self.caller, Caller::Operator) {
            return Err(GatekeeperError::new(ErrorKind::Forbidden, "only the operator creates root keys"));
        }
        if tenant_name.is_empty() || tenant_name.len() > 256 || tenant_name.contains('\0') {
            return Err(GatekeeperError::bad_request("tenant name must be 1 to 256 bytes without U+0000"));
        }
        let clock = self.engine.clock();
        let tenant_id = TenantId::generate(clock)?;
        let key = key::generate_root()?;
        let now = i64::try_from(clock.wall_ms()).unwrap_or(i64::MAX);
        let id = KeyId::generate(clock)?;
        self.engine.store().add_tenant(tenant_id, tenant_name, id, &key.digest(), now)?;
        Ok(CreatedRootKey { tenant_id, key })
    }

    /// Runs an operation. In the file place it waits for the disk on this thread: offload it where that matters.
    ///
    /// # Errors
    /// `unauthorized` for a root key that is wrong; `bad_request` and `not_found` as the operation says;
    /// `service_unavailable` where the store cannot be reached.
    pub async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        operation.run(&Context::admit(&self.engine, &self.caller, O::ACCESS)?).await
    }

    /// [`call`](Self::call) for callers that are not asynchronous.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn call_blocking<O: Operation>(&self, operation: O) -> Result<O::Output> {
        pollster::block_on(self.call(operation))
    }

    /// Runs the operation `name` of [`TABLE`](crate::TABLE) on a request in JSON; answers in JSON.
    ///
    /// # Errors
    /// As for [`call`](Self::call); `bad_request` too for an unknown name, and for JSON that is not such a request.
    pub async fn call_json(&self, name: &str, request: &str) -> Result<String> {
        let Some(entry) = operation::find(name) else {
            return Err(GatekeeperError::bad_request("no operation has this name"));
        };
        entry.call(&Context::admit(&self.engine, &self.caller, entry.access)?, request).await
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
        self.caller.tenant_now(&self.engine).map(drop)
    }

    /// A verifier for these endpoints.
    ///
    /// # Errors
    /// None today: a root key is judged at each verification.
    pub fn verifier(&self, endpoints: Endpoints) -> Result<Verifier> {
        Ok(Verifier::new(Arc::clone(&self.engine), Arc::clone(&self.caller), endpoints))
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
