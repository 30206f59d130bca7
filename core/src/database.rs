//! An open embedded database: its records and counters, its secret, its signing keys, and the permits to hash
//! passwords.

mod prune;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::clock::Clock;
use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, ForkRegistered, ForkSafe};
use crate::identity::{Keyring, Passwords, Signers, SigningAlgorithm};
use crate::metering::{OpenRecorder, Recorded, Recorder, Retention, Usage};
use crate::secret::Secret;
use crate::store::Store;
use crate::vault::{Secrets, Vault};
use crate::verify::{CacheSizes, Engine, OpenEngine};
pub use prune::Pruned;
use prune::Pruning;

/// The state of an embedded database, on which operations run.
pub(crate) struct Database {
    recorder: OpenRecorder,
    engine: OpenEngine,
    store: Arc<Store>,
    /// The secrets that the callers have given, fixed at the latest when the vault is opened.
    secrets: OnceLock<Secrets>,
    vault: OnceLock<Vault>,
    /// The pending warning of a secret that was created in a file: the number of signing keys that existed before,
    /// plus 1; 0 for none.
    created_secret: AtomicUsize,
    signers: Signers,
    passwords: Passwords,
    pruning: Pruning,
}

/// A database that is quiesced at every fork.
pub(crate) type OpenDatabase = Arc<ForkRegistered<Database>>;

impl Database {
    pub(crate) fn in_memory(clock: Clock, sizes: &CacheSizes) -> Result<OpenDatabase> {
        Self::open(Store::in_memory()?, clock, sizes)
    }

    pub(crate) fn on_file(path: PathBuf, sizes: &CacheSizes) -> Result<OpenDatabase> {
        Self::open(Store::on_file(path), Clock::System, sizes)
    }

    fn open(store: Store, clock: Clock, sizes: &CacheSizes) -> Result<OpenDatabase> {
        let (recorder, store) = (Recorder::open(), Arc::new(store));
        let engine = Engine::open(Arc::clone(&store), clock, sizes)?;
        Ok(Arc::new(ForkRegistered::new(Self {
            recorder,
            engine,
            store,
            secrets: OnceLock::new(),
            vault: OnceLock::new(),
            created_secret: AtomicUsize::new(0),
            signers: Signers::default(),
            passwords: Passwords::new(),
            pruning: Pruning::new(),
        })))
    }

    pub(crate) fn engine(&self) -> &OpenEngine {
        &self.engine
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.engine.clock()
    }

    /// The current time as records store it, Unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock().unix_ms()
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn signers(&self) -> &Signers {
        &self.signers
    }

    /// Sets the secrets of this database, or compares them with those in use.
    ///
    /// # Errors
    /// `bad_request` for a secret that is too short, or that differs from the one in use.
    pub(crate) fn take_secrets(&self, given: &Secrets) -> Result<()> {
        if given.current.is_none() && given.previous.is_none() {
            return Ok(());
        }
        given.check()?;
        let in_use = self.secrets.get_or_init(|| given.clone());
        let differs = |given: &Option<Secret>, in_use: &Option<Secret>| match (given, in_use) {
            (Some(given), Some(in_use)) => !given.is_equal_to(in_use),
            (given, _) => given.is_some(),
        };
        for (option, given, in_use) in [
            ("secret", &given.current, &in_use.current),
            ("previousSecret", &given.previous, &in_use.previous),
        ] {
            if differs(given, in_use) {
                return Err(GatekeeperError::bad_request(format!(
                    "{option}: this process has already opened the database with a different secret: use the same one"
                )));
            }
        }
        Ok(())
    }

    /// The keys derived from the secret of the database.
    ///
    /// # Errors
    /// `bad_request` for a secret that is too short; `service_unavailable` while other processes use another
    /// secret, or if the secret file cannot be read or created.
    pub(crate) fn vault(&self) -> Result<&Vault> {
        let vault = match self.vault.get() {
            Some(vault) => vault,
            None => self.open_vault()?,
        };
        // Needed again after a fork, which closes the file.
        self.store().shared().use_secret(vault.tag())?;
        Ok(vault)
    }

    /// The keys derived from the secret, if one exists. No secret is created, and other processes may use another
    /// one.
    pub(crate) fn existing_vault(&self) -> Result<Option<Vault>> {
        match (self.secrets.get(), self.store().path()) {
            (_, None) => Ok(None),
            (Some(secrets), Some(path)) => secrets.open_existing(path),
            (None, Some(path)) => Secrets::default().open_existing(path),
        }
    }

    #[cold]
    fn open_vault(&self) -> Result<&Vault> {
        self.store().open_shared()?;
        let shared = self.store().shared();
        let is_free = || match shared.secret_in_use()? {
            None => Ok(()),
            Some(_) => Err(shared.other_secret()),
        };
        let secrets = self.secrets.get_or_init(Secrets::default);
        let (vault, is_new) = secrets.open(self.store().path(), is_free)?;
        if is_new {
            self.warn_of_new_secret()?;
        }
        // Two threads may get here at once. They have read the same secret from the file; in memory, the first one
        // wins.
        Ok(self.vault.get_or_init(|| vault))
    }

    fn warn_of_new_secret(&self) -> Result<()> {
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        let sealed = self.store().read_rows(|rows| rows.signing_keys())?.len();
        self.created_secret.store(1 + sealed, Relaxed);
        let message = self.new_secret_message(sealed);
        if sealed == 0 {
            tracing::warn!("{message}");
        } else {
            tracing::error!(sealed, "{message}");
        }
        Ok(())
    }

    fn new_secret_message(&self, sealed: usize) -> String {
        let database = self.store().path().map(|path| path.display().to_string()).unwrap_or_default();
        let file = format!("\"{database}-secret\"");
        if sealed == 0 {
            return format!(
                "GATEKEEPER_SECRET is not set: created a secret in the file {file}. Keep it with your backups, or set \
                 GATEKEEPER_SECRET to its content"
            );
        }
        format!(
            "GATEKEEPER_SECRET is not set and the file {file} was missing, so a new secret was created there. Signing keys \
             sealed with the lost secret: {sealed}. They cannot be opened, and tokens signed with them are rejected. If you \
             have the lost secret, set GATEKEEPER_SECRET_PREVIOUS to it"
        )
    }

    /// Records usage. It is on disk when this returns; see [`Recorder::record`].
    pub(crate) fn record(&self, usage: Usage, retention: Option<Retention>) -> Result<Recorded> {
        let recorded = self.recorder.record(self.store(), self.clock(), usage, retention);
        self.prune_if_due(retention);
        recorded
    }

    /// Whether a warning for the operator is pending.
    #[inline]
    pub(crate) fn has_warning(&self) -> bool {
        self.created_secret.load(Relaxed) > 0 || self.signers.has_warning() || self.engine.has_warning()
    }

    /// A pending warning for the operator; each is returned once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        if self.created_secret.load(Relaxed) > 0
            && let Some(sealed) = self.created_secret.swap(0, Relaxed).checked_sub(1)
        {
            return Some(self.new_secret_message(sealed));
        }
        self.signers.take_warning().or_else(|| self.engine.take_warning())
    }

    /// What is needed to sign with this algorithm.
    pub(crate) fn keyring(&self, algorithm: SigningAlgorithm) -> Result<Keyring<'_>> {
        Ok(Keyring::new(self.store(), self.vault()?, self.clock(), algorithm))
    }
}

impl ForkSafe for Database {
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        // The recorder and the engine are registered for forks separately.
        self.passwords.quiesce(guards);
        self.signers.quiesce(guards);
    }
}
