//! The stored signing keys, opened with the secret of a database.

use super::signing_key::{SigningAlgorithm, SigningKey};
use crate::clock::Clock;
use crate::error::Result;
use crate::store::{Failure, SigningKeyRow, Store, Tx};
use crate::vault::Vault;

/// How long clients may cache the JWK Set, in seconds: the `max-age` (RFC 9111 §5.2.2.1) to serve it with. A new
/// signing key signs only after that, so that no verifier gets a token whose key it cannot know.
pub const JWKS_MAX_AGE_SECONDS: u32 = 300;
/// How long a key is published before it signs, in ms: the `max-age`, and time for a response in flight.
const PUBLISHED_MS: i64 = (JWKS_MAX_AGE_SECONDS as i64 + 10) * 1000;

/// What signing needs: the secret, the store and the clock of a database.
#[derive(Clone, Copy)]
pub(crate) struct Keyring<'a> {
    store: &'a Store,
    pub(super) vault: &'a Vault,
    pub(super) clock: &'a Clock,
    /// The algorithm of new tokens.
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
    /// The current time as records store it, Unix milliseconds.
    pub(super) fn now(&self) -> i64 {
        self.clock.unix_ms()
    }

    pub(super) fn opens(&self, row: &SigningKeyRow) -> bool {
        self.vault.unseal(&row.id, &row.private_key).is_some()
    }

    /// Publishes to other processes that this one signs with its algorithm, until it ends.
    pub(super) fn note_algorithm(&self) {
        self.store.shared().note_signing(self.algorithm.as_str());
    }

    /// The algorithm that running processes sign with, if none of them uses this process's algorithm.
    pub(super) fn other_algorithm_in_use(&self) -> Option<SigningAlgorithm> {
        let is_used = |algorithm: &SigningAlgorithm| self.store.shared().signs(algorithm.as_str());
        self.algorithm.others().find(is_used).filter(|_| !is_used(&self.algorithm))
    }

    /// Whether the key of `row` has the algorithm, signs now or later without an end, and can be opened.
    fn signs(&self, row: &SigningKeyRow) -> bool {
        row.algorithm == self.algorithm.as_str() && row.signs.until.is_none() && self.opens(row)
    }

    /// A new key besides those of `rows`. If one of them signs now, the new key is published first and signs later.
    pub(super) fn new_key(self, rows: &[SigningKeyRow]) -> Result<SigningKeyRow> {
        let now = self.now();
        let is_signed = rows.iter().any(|row| row.signs.includes(now) && self.opens(row));
        self.key_from(if is_signed { now + PUBLISHED_MS } else { now })
    }

    /// A new key that signs at once.
    pub(super) fn new_key_at_once(self) -> Result<SigningKeyRow> {
        self.key_from(self.now())
    }

    fn key_from(self, from: i64) -> Result<SigningKeyRow> {
        SigningKey::generate(self.algorithm, self.vault, self.now(), from)
    }

    /// All stored keys.
    pub(super) fn stored(&self) -> Result<Vec<SigningKeyRow>> {
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        self.store.read_rows(|rows| rows.signing_keys())
    }

    /// The stored keys, after making sure that one of them signs and that none is still sealed with the previous
    /// secret.
    pub(super) fn rows(self) -> Result<Vec<SigningKeyRow>> {
        let rows = self.stored()?;
        let lacks_one = !rows.iter().any(|row| self.signs(row));
        let mut is_stale = false;
        for row in &rows {
            is_stale |= self.vault.reseal(&row.id, &row.private_key)?.is_some();
        }
        if !lacks_one && !is_stale {
            return Ok(rows);
        }
        let new = if lacks_one { Some(self.new_key(&rows)?) } else { None };
        self.store.write(|tx| self.complete(tx, new.as_ref()))
    }

    /// Seals the stored keys with the current secret, and adds `new` unless one of them signs. Returns all keys.
    fn complete(self, tx: &Tx<'_>, new: Option<&SigningKeyRow>) -> Result<Vec<SigningKeyRow>, Failure> {
        // Another process may have done the same since the keys were read.
        tx.lock_database()?;
        for row in tx.signing_keys()? {
            if let Some(private_key) = self.vault.reseal(&row.id, &row.private_key)? {
                tx.reseal_signing_key(&row.id, &private_key)?;
            }
        }
        if let Some(new) = new
            && !tx.signing_keys()?.iter().any(|row| self.signs(row))
        {
            tx.add_signing_key(new)?;
        }
        tx.signing_keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::database::Database;
    use crate::verify::CacheSizes;

    #[test]
    fn of_two_processes_that_read_no_signing_key_one_adds_its_own() {
        let sizes = CacheSizes { known: 9, unknown: 9 };
        let database = Database::in_memory(Clock::Manual(ManualClock::new()), &sizes).unwrap();
        let ring = database.keyring(SigningAlgorithm::EdDsa).unwrap();
        let [one, other] = [(), ()].map(|()| ring.new_key(&[]).unwrap());
        let add = |new| {
            let rows = database.store().write(|tx| ring.complete(tx, Some(new))).unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!((add(&one), add(&other)), (vec![one.id.clone()], vec![one.id.clone()]));
    }
}
