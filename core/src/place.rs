//! A place: its records and counters, its secret, its signing keys, and the turns at its passwords.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::clock::Clock;
use crate::error::Result;
use crate::fork::{Guards, Rest, Watched};
use crate::identity::{Keyring, Passwords, Signers};
use crate::secret::Secret;
use crate::store::Store;
use crate::vault::Vault;
use crate::verify::{CacheSizes, Engine, OpenEngine};

/// Everything that an operation needs of where it runs.
pub(crate) struct Place {
    engine: OpenEngine,
    settings: Settings,
    vault: OnceLock<Vault>,
    made_secret: AtomicBool,
    signers: Signers,
    passwords: Passwords,
}

/// A place, put to rest at every fork.
pub(crate) type OpenPlace = Arc<Watched<Place>>;

/// How a place behaves; see [`Options`](crate::Options).
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) secret: Option<Secret>,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) refresh_grace_ms: u64,
}

impl Place {
    pub(crate) fn in_memory(clock: Clock, sizes: &CacheSizes, settings: Settings) -> Result<OpenPlace> {
        Ok(Self::new(Engine::in_memory(clock, sizes)?, settings))
    }

    pub(crate) fn on_file(path: PathBuf, sizes: &CacheSizes, settings: Settings) -> Result<OpenPlace> {
        Ok(Self::new(Engine::on_file(path, sizes)?, settings))
    }

    fn new(engine: OpenEngine, settings: Settings) -> OpenPlace {
        Arc::new(Watched::new(Self {
            engine,
            settings,
            vault: OnceLock::new(),
            made_secret: AtomicBool::new(false),
            signers: Signers::default(),
            passwords: Passwords::new(),
        }))
    }

    pub(crate) fn engine(&self) -> &OpenEngine {
        &self.engine
    }

    pub(crate) fn store(&self) -> &Store {
        self.engine.store()
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.engine.clock()
    }

    /// The present, as records keep it.
    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.clock().wall_ms()).unwrap_or(i64::MAX)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn signers(&self) -> &Signers {
        &self.signers
    }

    /// The keys derived from the place's secret.
    pub(crate) fn vault(&self) -> Result<&Vault> {
        if let Some(vault) = self.vault.get() {
            return Ok(vault);
        }
        let (vault, made_secret) = Vault::open(self.settings.secret.as_ref(), self.store().path())?;
        if made_secret {
            self.made_secret.store(true, Relaxed);
        }
        // Two threads at once read the same secret: in memory, the first of them has it.
        Ok(self.vault.get_or_init(|| vault))
    }

    /// What whoever runs the place should be told, once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        if !self.made_secret.load(Relaxed) || !self.made_secret.swap(false, Relaxed) {
            return None;
        }
        let database = self.store().path().map(|path| path.display().to_string()).unwrap_or_default();
        Some(format!(
            "GATEKEEPER_SECRET is not set: made a secret in the file \"{database}-secret\"; keep it with your backups, or set \
             GATEKEEPER_SECRET to what it holds"
        ))
    }

    /// What signing needs.
    pub(crate) fn keyring(&self) -> Result<Keyring<'_>> {
        Ok(Keyring { store: self.store(), vault: self.vault()?, clock: self.clock() })
    }
}

impl Rest for Place {
    fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        // The engine rests by itself: both are in the list of places.
        self.passwords.rest(guards);
        self.signers.rest(guards);
    }
}
