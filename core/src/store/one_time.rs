//! One-time tokens: of concurrent attempts to use one, exactly one succeeds.

use super::driver::params;
use super::{Failure, Rows, Tx};
use crate::error::{GatekeeperError, Result};
use crate::secret::Digest;
use crate::store::{OneTimeToken, Purpose};

impl Rows<'_> {
    /// The token with this digest, used or not, if it has not expired at `now`.
    pub(crate) fn one_time_token(
        &self,
        purpose: Purpose,
        digest: &Digest,
        now: i64,
    ) -> Result<Option<OneTimeToken>, Failure> {
        self.one(
            "SELECT subject, used_at FROM one_time_tokens WHERE digest = $1 AND purpose = $2 AND expires_at > $3",
            params![digest, purpose.as_str(), now],
            |row| Ok(OneTimeToken { subject: row.get(0)?, used_at: row.get(1)? }),
        )
    }
}

impl Tx<'_> {
    pub(crate) fn add_one_time_token(
        &self,
        purpose: Purpose,
        digest: &Digest,
        subject: &impl ToString,
        expires_at: i64,
    ) -> Result<(), Failure> {
        self.run(
            "INSERT INTO one_time_tokens (digest, purpose, subject, expires_at) VALUES ($1, $2, $3, $4)",
            params![digest, purpose.as_str(), subject.to_string(), expires_at],
        )?;
        Ok(())
    }

    /// Uses a token up. Returns none if there is no such token or it has expired. In the result, `used_at` says
    /// that it had been used before: of concurrent attempts, one finds it unused.
    pub(crate) fn consume(
        &self,
        purpose: Purpose,
        digest: &Digest,
        now: i64,
    ) -> Result<Option<OneTimeToken>, Failure> {
        let used = self.run(
            "UPDATE one_time_tokens SET used_at = $1
             WHERE digest = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $1",
            params![now, digest, purpose.as_str()],
        )?;
        match self.one_time_token(purpose, digest, now)? {
            Some(token) if used == 1 => Ok(Some(OneTimeToken { used_at: None, ..token })),
            None if used == 1 => Err(GatekeeperError::internal("a used token is missing").into()),
            token => Ok(token),
        }
    }

    /// Deletes the expired tokens of `subject`.
    pub(crate) fn forget_ended_tokens(&self, subject: &impl ToString, now: i64) -> Result<(), Failure> {
        self.run(
            "DELETE FROM one_time_tokens WHERE subject = $1 AND expires_at <= $2",
            params![subject.to_string(), now],
        )?;
        Ok(())
    }
}
