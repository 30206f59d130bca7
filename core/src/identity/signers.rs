//! The keys that sign tokens: made at first use, kept sealed, replaced with an overlap.

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

/// For how long a process signs with what it has read before it looks for a newer key, in ms.
const LOOK_EVERY_MS: u64 = 60_000;
/// How long a key is still known after nothing is signed with it any more, in ms: every process has looked by then, and
/// every token has ended.
const OVERLAP_MS: i64 = 2 * (ACCESS_SECONDS as i64) * 1000;
/// The `typ` of what is signed only to see that it verifies.
const PROBE_TYPE: &str = "probe+jwt";

/// The signing keys of a database, as this process last read them.
#[derive(Default)]
pub(crate) struct Signers {
    keys: Mutex<Option<Arc<Keys>>>,
    /// How many keys do not open with the secret.
    skipped: AtomicUsize,
    /// Whether the operator has not been warned of them yet.
    is_warning: AtomicBool,
}

struct Keys {
    read_at: u64,
    keys: Vec<SigningKey>,
}

fn skipped_message(count: usize) -> String {
    format!(
        "signing keys that do not open with this secret: {count}; they are skipped, and tokens signed with them are \
         rejected. Set GATEKEEPER_SECRET_PREVIOUS to the secret before, or remove them with `gatekeeper platform \
         rotate-signing-key`"
    )
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
        ring.note_algorithm();
        token::sign(typ, keys.signing(ring)?, claims)
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

    /// Proves that the stored keys open, and that what is signed with them verifies.
    ///
    /// # Errors
    /// As for opening the vault and reading the store; `internal` where a signature does not verify.
    pub(crate) fn check(&self, ring: Keyring<'_>) -> Result<()> {
        let keys = self.keys(ring, |_| false)?;
        ring.note_algorithm();
        let key = keys.signing(ring)?;
        let signed = token::sign(PROBE_TYPE, key, &json!({ "iat": ring.now() }))?;
        let verified: Option<Value> = token::verify(&signed, key);
        verified
            .map(drop)
            .ok_or_else(|| GatekeeperError::internal("a signing key does not verify what it signs"))
    }

    /// A new key, for [`replace_with`](Self::replace_with). It signs at once, or, while another key
    /// signs, when every verifier can know it.
    ///
    /// # Errors
    /// `bad_request` where running processes sign with another algorithm: none of them would use the key.
    pub(crate) fn generate(ring: Keyring<'_>, at_once: bool) -> Result<SigningKeyRow> {
        if let Some(other) = ring.other_algorithm_in_use() {
            let (ours, other) = (ring.algorithm.as_str(), other.as_str());
            return Err(GatekeeperError::bad_request(format!(
                "signingAlgorithm: a new {ours} key would not be used, for the running processes sign with {other}: rotate \
                 with {other}, or restart them with {ours}, for which they make a key by themselves"
            )));
        }
        if at_once { ring.new_key_at_once() } else { ring.new_key(&ring.stored()?) }
    }

    /// Lets `new` sign in place of the keys of its algorithm, as soon as it signs; they stay known until every token that
    /// they signed has ended. Keys that do not open with the secret are removed. Call [`forget`](Self::forget) after the
    /// commit.
    pub(crate) fn replace_with(new: &SigningKeyRow, ring: Keyring<'_>, tx: &Tx<'_>) -> Result<(), Failure> {
        let now = ring.now();
        for row in tx.signing_keys()? {
            if !ring.opens(&row) {
                tx.remove_signing_key(&row.id)?;
            }
        }
        tx.retire_signing_keys(&new.algorithm, new.signs.from)?;
        tx.add_signing_key(new)?;
        tx.remove_signing_keys_retired_before(now - OVERLAP_MS)
    }

    /// The keys are read again at the next use.
    pub(crate) fn forget(&self) {
        *lock(&self.keys) = None;
    }

    /// Whether the operator has to be warned of keys that do not open.
    #[inline]
    pub(crate) fn has_warning(&self) -> bool {
        self.is_warning.load(Relaxed)
    }

    /// A warning of keys that do not open, once.
    pub(crate) fn take_warning(&self) -> Option<String> {
        let is_due = self.has_warning() && self.is_warning.swap(false, Relaxed);
        is_due.then(|| skipped_message(self.skipped.load(Relaxed)))
    }

    /// The keys, read again where they are old or not `enough`.
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

    /// Keys that do not open are skipped: the secret was changed, and what they signed is not trusted any more.
    fn note_skipped(&self, count: usize) {
        if self.skipped.swap(count, Relaxed) != count && count > 0 {
            self.is_warning.store(true, Relaxed);
            tracing::warn!(count, "{}", skipped_message(count));
        }
    }

    /// Holds the lock over a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.keys)));
    }
}

impl Keys {
    /// The key that signs: the newest one of the algorithm. While all of those are only published, as after a change of the
    /// algorithm, one of another algorithm signs; and where there is none either, the one that is to sign first.
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
