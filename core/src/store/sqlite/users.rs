//! Users and their failed logins.

use rusqlite::{Row, params};

use super::rows::{Rows, Tx};
use super::{Failure, parsed};
use crate::error::Result;
use crate::id::UserId;
use crate::secret::Digest;
use crate::store::{FailedLogins, UserRow};

const COLUMNS: &str = "SELECT id, email, email_verified, name, password, created_at FROM users";

impl Rows<'_> {
    pub(crate) fn user(&self, id: UserId) -> Result<Option<UserRow>, Failure> {
        self.one(&format!("{COLUMNS} WHERE id = $1"), [id.to_string()], user_row)
    }

    pub(crate) fn user_by_email(&self, email: &str) -> Result<Option<UserRow>, Failure> {
        self.one(&format!("{COLUMNS} WHERE email = $1"), [email], user_row)
    }

    /// The failed logins of an account from `source`.
    pub(crate) fn failed_logins(&self, account: &Digest, source: &str) -> Result<FailedLogins, Failure> {
        let found = self.one(
            "SELECT count, last_at FROM login_failures WHERE account = $1 AND source = $2",
            params![account.as_bytes(), source],
            |row| Ok(FailedLogins { count: row.get(0)?, last_at: row.get(1)? }),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Whether the account has logged in from `source` before.
    pub(crate) fn is_known_source(&self, account: &Digest, source: &str) -> Result<bool, Failure> {
        let known = self.value::<i64>(
            "SELECT last_at FROM known_sources WHERE account = $1 AND source = $2",
            params![account.as_bytes(), source],
        )?;
        Ok(known.is_some())
    }
}

impl Tx<'_> {
    /// Adds a user; false where the e-mail address is taken.
    pub(crate) fn add_user(&self, user: &UserRow) -> Result<bool, Failure> {
        let added = self.run(
            "INSERT INTO users (id, email, email_verified, name, password, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (email) DO NOTHING",
            params![
                user.id.to_string(),
                user.email,
                user.email_verified,
                user.name,
                user.password,
                user.created_at
            ],
        )?;
        Ok(added == 1)
    }

    /// Replaces a password, unless it is no longer `old`; whether it was.
    pub(crate) fn replace_password(
        &self,
        id: UserId,
        old: &str,
        new: &str,
        now: i64,
    ) -> Result<bool, Failure> {
        let replaced = self.run(
            "UPDATE users SET password = $1, updated_at = $2 WHERE id = $3 AND password = $4",
            params![new, now, id.to_string(), old],
        )?;
        Ok(replaced == 1)
    }

    /// Counts a failed login.
    pub(crate) fn count_failed_login(&self, account: &Digest, source: &str, now: i64) -> Result<(), Failure> {
        self.run(
            "INSERT INTO login_failures (account, source, count, last_at) VALUES ($1, $2, 1, $3)
             ON CONFLICT (account, source) DO UPDATE SET count = count + 1, last_at = excluded.last_at",
            params![account.as_bytes(), source, now],
        )?;
        Ok(())
    }

    /// One failed login of an account from `source` was none.
    pub(crate) fn uncount_failed_login(&self, account: &Digest, source: &str) -> Result<(), Failure> {
        self.run(
            "UPDATE login_failures SET count = count - 1 WHERE account = $1 AND source = $2 AND count > 0",
            params![account.as_bytes(), source],
        )?;
        Ok(())
    }

    /// Forgets the failed logins of an account from `source`.
    pub(crate) fn forget_failed_logins(&self, account: &Digest, source: &str) -> Result<(), Failure> {
        self.run(
            "DELETE FROM login_failures WHERE account = $1 AND source = $2",
            params![account.as_bytes(), source],
        )?;
        Ok(())
    }

    /// From now on the account has logged in from `source` before.
    pub(crate) fn remember_source(&self, account: &Digest, source: &str, now: i64) -> Result<(), Failure> {
        self.run(
            "INSERT INTO known_sources (account, source, last_at) VALUES ($1, $2, $3)
             ON CONFLICT (account, source) DO UPDATE SET last_at = excluded.last_at",
            params![account.as_bytes(), source, now],
        )?;
        Ok(())
    }
}

fn user_row(row: &Row<'_>) -> Result<UserRow, Failure> {
    Ok(UserRow {
        id: parsed(row, 0)?,
        email: row.get(1)?,
        email_verified: row.get(2)?,
        name: row.get(3)?,
        password: row.get(4)?,
        created_at: row.get(5)?,
    })
}
