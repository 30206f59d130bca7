//! Signing keys, with sealed private keys.

use super::driver::params;
use super::{Failure, Rows, Tx};
use crate::error::Result;
use crate::store::{SigningKeyRow, SigningPeriod};

impl Rows<'_> {
    /// Every signing key: those without an end first, and the newest of each group first.
    pub(crate) fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, Failure> {
        self.all(
            "SELECT id, algorithm, private_key, public_key, created_at, signs_from, retired_at
             FROM signing_keys ORDER BY retired_at IS NOT NULL, signs_from DESC, created_at DESC, id",
            &[],
            |row| {
                Ok(SigningKeyRow {
                    id: row.get(0)?,
                    algorithm: row.get(1)?,
                    private_key: row.get(2)?,
                    public_key: row.get(3)?,
                    created_at: row.get(4)?,
                    signs: SigningPeriod { from: row.get(5)?, until: row.get(6)? },
                })
            },
        )
    }
}

impl Tx<'_> {
    pub(crate) fn add_signing_key(&self, key: &SigningKeyRow) -> Result<(), Failure> {
        self.run(
            "INSERT INTO signing_keys (id, algorithm, private_key, public_key, created_at, signs_from)
             VALUES ($1, $2, $3, $4, $5, $6)",
            params![key.id, key.algorithm, key.private_key, key.public_key, key.created_at, key.signs.from],
        )?;
        Ok(())
    }

    /// Sets the end of the signing period of the keys with this algorithm to `until`.
    pub(crate) fn retire_signing_keys(&self, algorithm: &str, until: i64) -> Result<(), Failure> {
        self.run(
            "UPDATE signing_keys SET retired_at = $1
             WHERE algorithm = $2 AND (retired_at IS NULL OR retired_at > $1)",
            params![until, algorithm],
        )?;
        Ok(())
    }

    pub(crate) fn remove_signing_keys_retired_before(&self, then: i64) -> Result<(), Failure> {
        self.run("DELETE FROM signing_keys WHERE retired_at < $1", params![then])?;
        Ok(())
    }

    /// Replaces the sealed private key of a signing key.
    pub(crate) fn reseal_signing_key(&self, id: &str, private_key: &[u8]) -> Result<(), Failure> {
        self.run("UPDATE signing_keys SET private_key = $1 WHERE id = $2", params![private_key, id])?;
        Ok(())
    }

    pub(crate) fn remove_signing_key(&self, id: &str) -> Result<(), Failure> {
        self.run("DELETE FROM signing_keys WHERE id = $1", params![id])?;
        Ok(())
    }
}
