//! A place: its records and counters, its secret, its signing keys, and the turns at its passwords.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::clock::Clock;
use crate::error::{GatekeeperError, Result};
use crate::fork::{Guards, Rest, Watched};
use crate::identity::{Keyring, Passwords, Signers, SigningAlgorithm};
use crate::metering::{OpenRecorder, Recorded, Recorder, Retention, Usage};
use crate::secret::Secret;
use crate::store::Store;
use crate::vault::Vault;
use crate::verify::{CacheSizes, Engine, OpenEngine};

/// Everything that an operation needs of where it runs.
pub(crate) struct Place {
    recorder: OpenRecorder,
    engine: OpenEngine,
    store: Arc<Store>,
    /// The secret that was given, at the latest when the vault is opened.
    secret: OnceLock<Option<Secret>>,
    vault: OnceLock<Vault>,
    made_secret: AtomicBool,
    signers: Signers,
    passwords: Passwords,
}

/// A place, put to rest at every fork.
pub(crate) type OpenPlace = Arc<Watched<Place>>;

impl Place {
    pub(crate) fn in_memory(clock: Clock, sizes: &CacheSizes) -> Result<OpenPlace> {
        Self::open(Store::in_memory()?, clock, sizes)
    }

    pub(crate) fn on_file(path: PathBuf, sizes: &CacheSizes) -> Result<OpenPlace> {
        Self::open(Store::on_file(path), Clock::System, sizes)
    }

    fn open(store: Store, clock: Clock, sizes: &CacheSizes) -> Result<OpenPlace> {
        let (recorder, store) = (Recorder::open(), Arc::new(store));
        let engine = Engine::open(Arc::clone(&store), clock, sizes)?;
        Ok(Arc::new(Watched::new(Self {
            recorder,
            engine,
            store,
            secret: OnceLock::new(),
            vault: OnceLock::new(),
            made_secret: AtomicBool::new(false),
            signers: Signers::default(),
            passwords: Passwords::new(),
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

    /// Takes the secret that is given for this place.
    ///
    /// # Errors
    /// `bad_request` for one that is too short, and for another than the one that is in use.
    pub(crate) fn take_secret(&self, secret: Option<Secret>) -> Result<()> {
        let Some(secret) = secret else { return Ok(()) };
        Vault::new(&secret)?;
        let in_use = self.secret.get_or_init(|| Some(secret.clone()));
        if in_use.as_ref().is_some_and(|in_use| in_use.is_equal_to(&secret)) {
            return Ok(());
        }
        Err(GatekeeperError::bad_request(
            "secret: this process has the same place open with another secret: give both the same one",
        ))
    }

    /// The keys derived from the place's secret.
    pub(crate) fn vault(&self) -> Result<&Vault> {
        if let Some(vault) = self.vault.get() {
            return Ok(vault);
        }
        let secret = self.secret.get_or_init(|| None);
        let (vault, made_secret) = Vault::open(secret.as_ref(), self.store().path())?;
        if made_secret {
            self.made_secret.store(true, Relaxed);
        }
        // Two threads at once read the same secret: in memory, the first of them has it.
        Ok(self.vault.get_or_init(|| vault))
    }

    /// Records usage, on disk when this returns; see [`Recorder::record`].
    pub(crate) fn record(&self, usage: Usage, retention: Option<Retention>) -> Result<Recorded> {
        self.recorder.record(self.store(), self.clock(), usage, retention)
    }

    /// Whether there is something of which the operator has to be warned.
    #[inline]
    pub(crate) fn has_warning(&self) -> bool {
        self.made_secret.load(Relaxed) || self.engine.has_warning()
    }

    /// What whoever runs the place should be told, once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        if !self.made_secret.load(Relaxed) || !self.made_secret.swap(false, Relaxed) {
            return self.engine.take_warning();
        }
        let database = self.store().path().map(|path| path.display().to_string()).unwrap_or_default();
        Some(format!(
            "GATEKEEPER_SECRET is not set: made a secret in the file \"{database}-secret\"; keep it with your backups, or set \
             GATEKEEPER_SECRET to what it holds"
        ))
    }

    /// What signing with this algorithm needs.
    pub(crate) fn keyring(&self, algorithm: SigningAlgorithm) -> Result<Keyring<'_>> {
        Ok(Keyring::new(self.store(), self.vault()?, self.clock(), algorithm))
    }
}

impl Rest for Place {
    fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        // The recorder and the engine rest by themselves: all are in the list of places.
        self.passwords.rest(guards);
        self.signers.rest(guards);
    }
}
