//! The stored signing keys, opened with the secret of a database.

use super::signing_key::{SigningAlgorithm, SigningKey};
use crate::clock::Clock;
use crate::error::Result;
use crate::store::{SigningKeyRow, Store};
use crate::vault::Vault;

/// How long others may keep the JWK Set, in seconds: the `max-age` (RFC 9111 §5.2.2.1) to serve it with. A new signing key
/// signs only after that, so that no verifier meets a token whose key it cannot know.
pub const JWKS_MAX_AGE_SECONDS: u32 = 300;
/// How long a key is published before it signs, in ms: the same, and what an answer may be under way.
const PUBLISHED_MS: i64 = (JWKS_MAX_AGE_SECONDS as i64 + 10) * 1000;

/// What signing needs of a database.
#[derive(Clone, Copy)]
pub(crate) struct Keyring<'a> {
    store: &'a Store,
    pub(super) vault: &'a Vault,
    pub(super) clock: &'a Clock,
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

    pub(super) fn opens(&self, row: &SigningKeyRow) -> bool {
        self.vault.unseal(&row.id, &row.private_key).is_some()
    }

    /// Says to other processes that this one signs with its algorithm, until it ends.
    pub(super) fn note_algorithm(&self) {
        self.store.shared().note_signing(self.algorithm.as_str());
    }

    /// The algorithm that running processes sign with, where none of them signs with that of this one.
    pub(super) fn other_algorithm_in_use(&self) -> Option<SigningAlgorithm> {
        let is_used = |algorithm: &SigningAlgorithm| self.store.shared().signs(algorithm.as_str());
        self.algorithm.others().find(is_used).filter(|_| !is_used(&self.algorithm))
    }

    /// Whether `row` is of the algorithm, signs now or later, without an end, and opens.
    fn signs(&self, row: &SigningKeyRow) -> bool {
        row.algorithm == self.algorithm.as_str() && row.signs.until.is_none() && self.opens(row)
    }

    /// A new key beside those of `rows`: while one of them signs, it is published first.
    pub(super) fn new_key(self, rows: &[SigningKeyRow]) -> Result<SigningKeyRow> {
        let now = self.now();
        let is_signed = rows.iter().any(|row| row.signs.includes(now) && self.opens(row));
        SigningKey::generate(self, if is_signed { now + PUBLISHED_MS } else { now })
    }

    /// A new key that signs at once.
    pub(super) fn new_key_at_once(self) -> Result<SigningKeyRow> {
        SigningKey::generate(self, self.now())
    }

    /// Every key, as it is stored.
    pub(super) fn stored(&self) -> Result<Vec<SigningKeyRow>> {
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        self.store.read_rows(|rows| rows.signing_keys())
    }

    /// The stored keys: one of them signs, and none is sealed with the secret before where the current one can.
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
        self.store.write(|tx| {
            // In the transaction, look again: another process may have done it.
            for row in tx.signing_keys()? {
                if let Some(private_key) = self.vault.reseal(&row.id, &row.private_key)? {
                    tx.reseal_signing_key(&row.id, &private_key)?;
                }
            }
            if let Some(new) = &new
                && !tx.signing_keys()?.iter().any(|row| self.signs(row))
            {
                tx.add_signing_key(new)?;
            }
            tx.signing_keys()
        })
    }
}
