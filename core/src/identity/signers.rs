//! The keys that sign tokens: created at first use, stored sealed, rotated with an overlap.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::keyring::Keyring;
use super::signing_key::SigningKey;
use super::token::{self, ACCESS_SECONDS, ACCESS_TYPE, AccessClaims, KEY_TYPE, KeyClaims};
use crate::error::{GatekeeperError, Result};
use crate::fork::{ForkGuards, lock};
use crate::secret::Secret;
use crate::store::{Failure, SigningKeyRow, Tx};

/// How long a process signs with the keys that it has read before it looks for newer ones, in ms.
const LOOK_EVERY_MS: u64 = 60_000;
/// How long a key is published after it stopped signing, in ms. By then every process has read the newer key, and
/// every token of the older one has expired.
const OVERLAP_MS: i64 = 2 * (ACCESS_SECONDS as i64) * 1000;
/// The `typ` of tokens that are signed only to test that they verify.
const PROBE_TYPE: &str = "probe+jwt";

/// The signing keys of a database, as this process last read them.
#[derive(Default)]
pub(crate) struct Signers {
    keys: Mutex<Option<Arc<Keys>>>,
    /// The number of keys that cannot be opened with the secret.
    skipped: AtomicUsize,
    /// Whether the operator still has to be warned of these keys.
    is_warning: AtomicBool,
}

struct Keys {
    read_at: u64,
    keys: Vec<SigningKey>,
}

fn skipped_message(count: usize) -> String {
    format!(
        "signing keys that cannot be opened with this secret: {count}. They are skipped, and tokens signed with them are \
         rejected. Set GATEKEEPER_SECRET_PREVIOUS to the previous secret, or delete the keys with `gatekeeper platform \
         rotate-signing-key`"
    )
}

impl Signers {
    /// An access token with these claims.
    pub(crate) fn sign_access(&self, ring: Keyring<'_>, claims: &AccessClaims) -> Result<Secret> {
        self.sign(ring, ACCESS_TYPE, claims)
    }

    /// A token that represents an API key, with these claims.
    pub(crate) fn sign_key(&self, ring: Keyring<'_>, claims: &KeyClaims) -> Result<Secret> {
        self.sign(ring, KEY_TYPE, claims)
    }

    /// A token of this `typ`.
    pub(crate) fn sign(&self, ring: Keyring<'_>, typ: &str, claims: &impl Serialize) -> Result<Secret> {
        let keys = self.keys(ring, |_| true)?;
        ring.note_algorithm();
        token::sign(typ, keys.signing(ring)?, claims)
    }

    /// The claims of an access token that this database signed; none for any other token.
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
        // Always read from the database: verifiers must learn of a rotation at once.
        let keys = self.keys(ring, |_| false)?;
        Ok(json!({ "keys": keys.keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() }))
    }

    /// Checks that the stored keys can be opened, and that tokens signed with them verify.
    ///
    /// # Errors
    /// Those of opening the vault and reading the store; `internal` if a signature does not verify.
    pub(crate) fn check(&self, ring: Keyring<'_>) -> Result<()> {
        let keys = self.keys(ring, |_| false)?;
        ring.note_algorithm();
        let key = keys.signing(ring)?;
        let signed = token::sign(PROBE_TYPE, key, &json!({ "iat": ring.now() }))?;
        let verified: Option<Value> = token::verify(&signed, key);
        verified
            .map(drop)
            .ok_or_else(|| GatekeeperError::internal("a signing key does not verify its own signatures"))
    }

    /// A new key, for [`replace_with`](Self::replace_with). It signs at once with `at_once`, or if no other key
    /// signs; otherwise when every verifier can know it.
    ///
    /// # Errors
    /// `bad_request` if running processes sign with another algorithm: none of them would use the key.
    pub(crate) fn generate(ring: Keyring<'_>, at_once: bool) -> Result<SigningKeyRow> {
        if let Some(other) = ring.other_algorithm_in_use() {
            let (ours, other) = (ring.algorithm.as_str(), other.as_str());
            return Err(GatekeeperError::bad_request(format!(
                "signingAlgorithm: a new {ours} key would not be used, because the running processes sign with {other}: rotate \
                 with {other}, or restart them with {ours}, which creates a key"
            )));
        }
        if at_once { ring.new_key_at_once() } else { ring.new_key(&ring.stored()?) }
    }

    /// Replaces the keys of its algorithm by `new`, from the time when it signs. The replaced keys stay published
    /// until every token that they signed has expired. Keys that cannot be opened with the secret are deleted. Call
    /// [`forget`](Self::forget) after the commit.
    pub(crate) fn replace_with(new: &SigningKeyRow, ring: Keyring<'_>, tx: &Tx<'_>) -> Result<(), Failure> {
        let now = ring.now();
        tx.lock_database()?;
        for row in tx.signing_keys()? {
            if !ring.opens(&row) {
                tx.remove_signing_key(&row.id)?;
            }
        }
        tx.retire_signing_keys(&new.algorithm, new.signs.from)?;
        tx.add_signing_key(new)?;
        tx.remove_signing_keys_retired_before(now - OVERLAP_MS)
    }

    /// Drops the cached keys: the next use reads them again.
    pub(crate) fn forget(&self) {
        *lock(&self.keys) = None;
    }

    /// Whether the operator has to be warned of keys that cannot be opened.
    #[inline]
    pub(crate) fn has_warning(&self) -> bool {
        self.is_warning.load(Relaxed)
    }

    /// Returns the warning of keys that cannot be opened, once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        let is_due = self.has_warning() && self.is_warning.swap(false, Relaxed);
        is_due.then(|| skipped_message(self.skipped.load(Relaxed)))
    }

    /// The keys, read again if they are old or not `enough`.
    fn keys(&self, ring: Keyring<'_>, enough: impl Fn(&Keys) -> bool) -> Result<Arc<Keys>> {
        let read_at = ring.clock.boot_ms();
        if let Some(keys) = &*lock(&self.keys)
            && read_at.saturating_sub(keys.read_at) < LOOK_EVERY_MS
            && keys.keys.iter().any(|key| key.algorithm == ring.algorithm)
            && enough(keys)
        {
            return Ok(Arc::clone(keys));
        }
        let rows = ring.rows()?;
        let stored = rows.len();
        let keys: Vec<_> = rows
            .into_iter()
            .filter_map(|row| SigningKey::unsealed(ring.vault, row).transpose())
            .collect::<Result<_>>()?;
        self.note_skipped(stored - keys.len());
        let keys = Arc::new(Keys { read_at, keys });
        *lock(&self.keys) = Some(Arc::clone(&keys));
        Ok(keys)
    }

    /// Records how many keys were skipped because they cannot be opened. The secret was changed, and tokens signed
    /// with them are not trusted any more.
    fn note_skipped(&self, count: usize) {
        if self.skipped.swap(count, Relaxed) != count && count > 0 {
            self.is_warning.store(true, Relaxed);
            tracing::warn!(count, "{}", skipped_message(count));
        }
    }

    /// Holds the lock during a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.keys)));
    }
}

impl Keys {
    /// The key that signs new tokens: the newest active key of the configured algorithm. A new key is published some
    /// time before it becomes active. If no key of the algorithm is active yet, as after a change of the algorithm,
    /// the newest active key of another algorithm signs. If no key is active at all, the one that becomes active first.
    fn signing(&self, ring: Keyring<'_>) -> Result<&SigningKey> {
        let now = ring.now();
        let ours = |key: &&SigningKey| key.algorithm == ring.algorithm;
        let active = || self.keys.iter().filter(|key| key.signs.includes(now));
        let newest = active().filter(ours).max_by_key(|key| key.signs.from);
        let other = || active().max_by_key(|key| key.signs.from);
        let first = || self.keys.iter().filter(ours).min_by_key(|key| key.signs.from);
        newest.or_else(other).or_else(first).ok_or_else(|| GatekeeperError::internal("no signing key"))
    }

    fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.id == kid)
    }
}

#[cfg(test)]
mod tests;
