//! Wrong passwords, counted by client address and by account.

use super::driver::params;
use super::{Failure, Rows, Tx};
use crate::error::Result;
use crate::secret::Digest;
use crate::store::{FailedLogins, PasswordFailures};

/// The number of expired rows that each insertion deletes: more than one, so that they never accumulate.
const REMOVED_AT_ONCE: u32 = 8;

impl Rows<'_> {
    /// The wrong passwords of a client address in the last `window_ms` before `now`, oldest first.
    pub(crate) fn password_failures(
        &self,
        address: &str,
        now: i64,
        window_ms: u64,
    ) -> Result<Vec<PasswordFailures>, Failure> {
        self.all(
            "SELECT at, count FROM password_failures
             WHERE address = $1 AND at > $2 AND at <= $3 AND count > 0 ORDER BY at",
            params![address, now.saturating_sub_unsigned(window_ms), now],
            |row| Ok(PasswordFailures { at: row.get(0)?, count: row.get(1)? }),
        )
    }

    /// The failed logins of an account from a client address.
    pub(crate) fn failed_logins(&self, account: &Digest, address: &str) -> Result<FailedLogins, Failure> {
        let found = self.one(
            "SELECT count, last_at FROM login_failures WHERE account = $1 AND source = $2",
            params![account, address],
            |row| Ok(FailedLogins { count: row.get(0)?, last_at: row.get(1)? }),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Whether the account has logged in from a client address before.
    pub(crate) fn is_known_address(&self, account: &Digest, address: &str) -> Result<bool, Failure> {
        let known = self.value::<i64>(
            "SELECT last_at FROM known_sources WHERE account = $1 AND source = $2",
            params![account, address],
        )?;
        Ok(known.is_some())
    }
}

impl Tx<'_> {
    /// Counts a wrong password of a client address at `now`, unless `limit` of them are within the last `window_ms`, and
    /// deletes some that are older. Returns whether it was counted.
    pub(crate) fn count_password_failure(
        &self,
        address: &str,
        now: i64,
        window_ms: u64,
        limit: u32,
    ) -> Result<bool, Failure> {
        let older = now.saturating_sub_unsigned(window_ms);
        self.run(
            "DELETE FROM password_failures WHERE (address, at) IN
                 (SELECT address, at FROM password_failures WHERE at <= $1 ORDER BY at LIMIT $2)",
            params![older, REMOVED_AT_ONCE],
        )?;
        let counted = self.run(
            "INSERT INTO password_failures (address, at, count) SELECT $1, $2, 1
             WHERE (SELECT coalesce(sum(count), 0) FROM password_failures
                    WHERE address = $1 AND at <= $2 AND at > $3) < $4
             ON CONFLICT (address, at) DO UPDATE SET count = password_failures.count + 1",
            params![address, now, older, limit],
        )?;
        Ok(counted == 1)
    }

    /// Uncounts a wrong password, because it was right or not compared.
    pub(crate) fn uncount_password_failure(&self, address: &str, at: i64) -> Result<(), Failure> {
        self.run(
            "UPDATE password_failures SET count = count - 1 WHERE address = $1 AND at = $2 AND count > 0",
            params![address, at],
        )?;
        Ok(())
    }

    /// Replaces the failed logins of an account from a client address, unless they have changed since they were `seen`.
    /// Deletes some counts whose last failure was at `forgotten` or before. Returns whether they were replaced.
    pub(crate) fn count_failed_login(
        &self,
        account: &Digest,
        address: &str,
        seen: FailedLogins,
        now: FailedLogins,
        forgotten: i64,
    ) -> Result<bool, Failure> {
        self.run(
            "DELETE FROM login_failures WHERE (account, source) IN
                 (SELECT account, source FROM login_failures WHERE last_at <= $1 ORDER BY last_at LIMIT $2)",
            params![forgotten, REMOVED_AT_ONCE],
        )?;
        let replaced = self.run(
            "INSERT INTO login_failures (account, source, count, last_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account, source) DO UPDATE SET count = excluded.count, last_at = excluded.last_at
                WHERE login_failures.count = $5 AND login_failures.last_at = $6",
            params![account, address, now.count, now.last_at, seen.count, seen.last_at],
        )?;
        Ok(replaced == 1)
    }

    /// Uncounts a failed login, because it succeeded or was not compared.
    pub(crate) fn uncount_failed_login(&self, account: &Digest, address: &str) -> Result<(), Failure> {
        self.run(
            "UPDATE login_failures SET count = count - 1 WHERE account = $1 AND source = $2 AND count > 0",
            params![account, address],
        )?;
        Ok(())
    }

    /// Deletes the failed logins of an account from a client address.
    pub(crate) fn forget_failed_logins(&self, account: &Digest, address: &str) -> Result<(), Failure> {
        self.run("DELETE FROM login_failures WHERE account = $1 AND source = $2", params![account, address])?;
        Ok(())
    }

    /// Records that the account has logged in from this client address.
    pub(crate) fn record_known_address(
        &self,
        account: &Digest,
        address: &str,
        now: i64,
    ) -> Result<(), Failure> {
        self.run(
            "INSERT INTO known_sources (account, source, last_at) VALUES ($1, $2, $3)
             ON CONFLICT (account, source) DO UPDATE SET last_at = excluded.last_at",
            params![account, address, now],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::store::Store;

    #[test]
    fn expired_wrong_passwords_are_deleted_by_later_ones() {
        let store = Store::in_memory().unwrap();
        for at in 0..40 {
            store.write(|tx| tx.count_password_failure("192.0.2.1", at, 10, u32::MAX)).unwrap();
        }
        let kept =
            |window| store.read_rows(|rows| rows.password_failures("192.0.2.1", 39, window)).unwrap().len();
        assert_eq!((kept(10), kept(1000)), (10, 10));
    }
}
