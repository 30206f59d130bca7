//! A place: its records and counters, its secret, its signing keys, and the turns at its passwords.

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

/// Everything that an operation needs of where it runs.
pub(crate) struct Database {
    recorder: OpenRecorder,
    engine: OpenEngine,
    store: Arc<Store>,
    /// The secrets that were given, at the latest when the vault is opened.
    secrets: OnceLock<Secrets>,
    vault: OnceLock<Vault>,
    /// A secret was made in a file, of which no warning was given yet: the number of rows that were sealed before, plus 1.
    made_secret: AtomicUsize,
    signers: Signers,
    passwords: Passwords,
    pruning: Pruning,
}

/// A place, put to rest at every fork.
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
            made_secret: AtomicUsize::new(0),
            signers: Signers::default(),
            passwords: Passwords::new(),
            pruning: Pruning::new(),
        })))
    }

    pub(crate) fn engine(&self) -> &OpenEngine {
        &self.engine
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.engine.clock()
    }

    /// The present, as records keep it.
    pub(crate) fn now(&self) -> i64 {
        self.clock().unix_ms()
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn signers(&self) -> &Signers {
        &self.signers
    }

    /// Takes the secrets that are given for this database.
    ///
    /// # Errors
    /// `bad_request` for one that is too short, and for another than the one that is in use.
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
                    "{option}: this process has the same database open with another one: give both the same"
                )));
            }
        }
        Ok(())
    }

    /// The keys derived from the database's secret.
    ///
    /// # Errors
    /// `bad_request` for a secret that is too short; `service_unavailable` while other processes use another one, and
    /// where the file that keeps it cannot be read or made.
    pub(crate) fn vault(&self) -> Result<&Vault> {
        let vault = match self.vault.get() {
            Some(vault) => vault,
            None => self.open_vault()?,
        };
        // Again after a fork, which closes it.
        self.store().shared().use_secret(vault.tag())?;
        Ok(vault)
    }

    /// The keys derived from the secret, if there is one already: none is made, and other processes may use another.
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
            self.tell_of_new_secret()?;
        }
        // Two threads at once read the same secret: in memory, the first of them has it.
        Ok(self.vault.get_or_init(|| vault))
    }

    fn tell_of_new_secret(&self) -> Result<()> {
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        let sealed = self.store().read_rows(|rows| rows.signing_keys())?.len();
        self.made_secret.store(1 + sealed, Relaxed);
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
                "GATEKEEPER_SECRET is not set: made a secret in the file {file}; keep it with your backups, or set \
                 GATEKEEPER_SECRET to what it holds"
            );
        }
        format!(
            "GATEKEEPER_SECRET is not set and the file {file} was missing, so another secret was made there; signing keys \
             that the lost one seals: {sealed}. They do not open now, and tokens signed with them are rejected. If you \
             have the lost secret, set GATEKEEPER_SECRET_PREVIOUS to it"
        )
    }

    /// Records usage, on disk when this returns; see [`Recorder::record`].
    pub(crate) fn record(&self, usage: Usage, retention: Option<Retention>) -> Result<Recorded> {
        let recorded = self.recorder.record(self.store(), self.clock(), usage, retention);
        self.prune_if_due(retention);
        recorded
    }

    /// Whether there is something of which the operator has to be warned.
    #[inline]
    pub(crate) fn has_warning(&self) -> bool {
        self.made_secret.load(Relaxed) > 0 || self.signers.has_warning() || self.engine.has_warning()
    }

    /// What the operator should know, each warning once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        if self.made_secret.load(Relaxed) > 0
            && let Some(sealed) = self.made_secret.swap(0, Relaxed).checked_sub(1)
        {
            return Some(self.new_secret_message(sealed));
        }
        self.signers.take_warning().or_else(|| self.engine.take_warning())
    }

    /// What signing with this algorithm needs.
    pub(crate) fn keyring(&self, algorithm: SigningAlgorithm) -> Result<Keyring<'_>> {
        Ok(Keyring::new(self.store(), self.vault()?, self.clock(), algorithm))
    }
}

impl ForkSafe for Database {
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        // The recorder and the engine rest by themselves: all are in the list of places.
        self.passwords.quiesce(guards);
        self.signers.quiesce(guards);
    }
}
