//! The stored signing keys, opened with the secret of a database.

use super::signing_key::{SigningAlgorithm, SigningKey};
use crate::clock::Clock;
use crate::error::Result;
use crate::store::{SigningKeyRow, Store};
use crate::vault::Vault;

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

    /// Whether `row` signs, and opens.
    fn signs(&self, row: &SigningKeyRow) -> bool {
        row.algorithm == self.algorithm.as_str() && row.retired_at.is_none() && self.opens(row)
    }

    /// The stored keys: one of them signs, and none is sealed with the secret before where the current one can.
    pub(super) fn rows(self) -> Result<Vec<SigningKeyRow>> {
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        let rows = self.store.read_rows(|rows| rows.signing_keys())?;
        let lacks_one = !rows.iter().any(|row| self.signs(row));
        let mut is_stale = false;
        for row in &rows {
            is_stale |= self.vault.reseal(&row.id, &row.private_key)?.is_some();
        }
        if !lacks_one && !is_stale {
            return Ok(rows);
        }
        let new = if lacks_one { Some(SigningKey::generate(self)?) } else { None };
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
