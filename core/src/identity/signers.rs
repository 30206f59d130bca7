//! The keys that sign tokens: made at first use, kept sealed, replaced with an overlap.

use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::signing_key::{SigningAlgorithm, SigningKey};
use super::token::{self, ACCESS_SECONDS, ACCESS_TYPE, AccessClaims, KEY_TYPE, KeyClaims};
use crate::clock::Clock;
use crate::error::{GatekeeperError, Result};
use crate::fork::{Guards, lock};
use crate::secret::Secret;
use crate::store::{Failure, SigningKeyRow, Store, Tx};
use crate::vault::Vault;

/// For how long a process signs with what it has read before it looks for a newer key, in ms.
const LOOK_EVERY_MS: u64 = 60_000;
/// How long a key is still known after nothing is signed with it any more, in ms: every process has looked by then, and
/// every token has ended.
const OVERLAP_MS: i64 = 2 * (ACCESS_SECONDS as i64) * 1000;

/// The signing keys of a place, as this process last read them.
#[derive(Default)]
pub(crate) struct Signers(Mutex<Option<Arc<Keys>>>);

struct Keys {
    read_at: u64,
    /// Those that sign before those that are retired, the newest of each first.
    keys: Vec<SigningKey>,
}

/// What signing needs of a place.
#[derive(Clone, Copy)]
pub(crate) struct Keyring<'a> {
    store: &'a Store,
    pub(super) vault: &'a Vault,
    clock: &'a Clock,
    /// What new tokens are signed with.
    pub(super) algorithm: SigningAlgorithm,
}

impl<'a> Keyring<'a> {
    pub(crate) fn new(
        store: &'a Store,
        vault: &'a Vault,
        clock: &'a Clock,
        algorithm: SigningAlgorithm,
    ) -> Self {
        Self { store, vault, clock, algorithm }
    }
}

impl Keyring<'_> {
    /// The present, as records keep it.
    pub(super) fn now(&self) -> i64 {
        self.clock.unix_ms()
    }
}

impl Signers {
    /// An access token with these claims.
    pub(crate) fn sign_access(&self, ring: Keyring<'_>, claims: &AccessClaims) -> Result<Secret> {
        self.sign(ring, ACCESS_TYPE, claims)
    }

    /// A token that stands for an API key, with these claims.
    pub(crate) fn sign_key(&self, ring: Keyring<'_>, claims: &KeyClaims) -> Result<Secret> {
        self.sign(ring, KEY_TYPE, claims)
    }

    /// A token of this `typ`.
    pub(crate) fn sign(&self, ring: Keyring<'_>, typ: &str, claims: &impl Serialize) -> Result<Secret> {
        let keys = self.keys(ring, |_| true)?;
        let signs = |key: &&SigningKey| key.algorithm == ring.algorithm && !key.is_retired;
        let key = keys.keys.iter().find(signs).ok_or_else(|| GatekeeperError::internal("no signing key"))?;
        token::sign(typ, key, claims)
    }

    /// The claims of an access token that was signed here; none for any other.
    pub(crate) fn verify_access(&self, ring: Keyring<'_>, token: &Secret) -> Result<Option<AccessClaims>> {
        self.verify(ring, ACCESS_TYPE, token)
    }

    fn verify<C: DeserializeOwned>(&self, ring: Keyring<'_>, typ: &str, token: &Secret) -> Result<Option<C>> {
        let Some(kid) = token::kid_of(typ, token) else { return Ok(None) };
        let keys = self.keys(ring, |keys| keys.find(&kid).is_some())?;
        Ok(keys.find(&kid).and_then(|key| token::verify(token, key)))
    }

    /// The public keys, as a JWK Set (RFC 7517 §5).
    pub(crate) fn jwks(&self, ring: Keyring<'_>) -> Result<Value> {
        // Others verify by what they are told here: never by what was read before a rotation.
        let keys = self.keys(ring, |_| false)?;
        Ok(json!({ "keys": keys.keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() }))
    }

    /// A new key, for [`replace_with`](Self::replace_with).
    pub(crate) fn generate(ring: Keyring<'_>) -> Result<SigningKeyRow> {
        SigningKey::generate(ring)
    }

    /// Makes `new` the key that signs from this transaction on; the one before stays known until every token it signed has
    /// ended. Call [`forget`](Self::forget) after the commit.
    pub(crate) fn replace_with(new: &SigningKeyRow, ring: Keyring<'_>, tx: &Tx<'_>) -> Result<(), Failure> {
        let now = ring.now();
        tx.retire_signing_keys(ring.algorithm.as_str(), now)?;
        tx.add_signing_key(new)?;
        tx.remove_signing_keys_retired_before(now - OVERLAP_MS)
    }

    /// The keys are read again at the next use.
    pub(crate) fn forget(&self) {
        *lock(&self.0) = None;
    }

    /// The keys, read again where they are old or not `enough`.
    fn keys(&self, ring: Keyring<'_>, enough: impl Fn(&Keys) -> bool) -> Result<Arc<Keys>> {
        let read_at = ring.clock.boot_ms();
        if let Some(keys) = &*lock(&self.0)
            && read_at.saturating_sub(keys.read_at) < LOOK_EVERY_MS
            && keys.keys.iter().any(|key| key.algorithm == ring.algorithm)
            && enough(keys)
        {
            return Ok(Arc::clone(keys));
        }
        let signs =
            |row: &SigningKeyRow| row.algorithm == ring.algorithm.as_str() && row.retired_at.is_none();
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        let mut rows = ring.store.read_rows(|rows| rows.signing_keys())?;
        if !rows.iter().any(signs) {
            let new = SigningKey::generate(ring)?;
            // Under the lock, look again: another process may have made one.
            rows = ring.store.write(|tx| {
                if !tx.signing_keys()?.iter().any(signs) {
                    tx.add_signing_key(&new)?;
                }
                tx.signing_keys()
            })?;
        }
        let keys =
            rows.into_iter().map(|row| SigningKey::unsealed(ring.vault, row)).collect::<Result<_>>()?;
        let keys = Arc::new(Keys { read_at, keys });
        *lock(&self.0) = Some(Arc::clone(&keys));
        Ok(keys)
    }

    /// Holds the lock over a fork.
    pub(crate) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        guards.push(Box::new(lock(&self.0)));
    }
}

impl Keys {
    fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.id == kid)
    }
}
