//! Users.

use super::driver::{Row, params};
use super::{Failure, Rows, Tx};
use crate::error::Result;
use crate::id::UserId;
use crate::store::UserRow;

const COLUMNS: &str = "SELECT id, email, email_verified, name, password, created_at FROM users";

impl Rows<'_> {
    pub(crate) fn user(&self, id: UserId) -> Result<Option<UserRow>, Failure> {
        self.one(&format!("{COLUMNS} WHERE id = $1"), params![id], user_row)
    }

    pub(crate) fn user_by_email(&self, email: &str) -> Result<Option<UserRow>, Failure> {
        self.one(&format!("{COLUMNS} WHERE email = $1"), params![email], user_row)
    }
}

impl Tx<'_> {
    /// Adds a user. Returns false if a user with this e-mail address exists.
    pub(crate) fn add_user(&self, user: &UserRow) -> Result<bool, Failure> {
        let added = self.run(
            "INSERT INTO users (id, email, email_verified, name, password, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (email) DO NOTHING",
            params![user.id, user.email, user.email_verified, user.name, user.password, user.created_at],
        )?;
        Ok(added == 1)
    }

    /// Replaces a password, unless it is no longer `old`. Returns whether it was replaced.
    pub(crate) fn replace_password(
        &self,
        id: UserId,
        old: &str,
        new: &str,
        now: i64,
    ) -> Result<bool, Failure> {
        let replaced = self.run(
            "UPDATE users SET password = $1, updated_at = $2 WHERE id = $3 AND password = $4",
            params![new, now, id, old],
        )?;
        Ok(replaced == 1)
    }
}

fn user_row(row: &Row<'_>) -> Result<UserRow, Failure> {
    Ok(UserRow {
        id: row.get(0)?,
        email: row.get(1)?,
        email_verified: row.get(2)?,
        name: row.get(3)?,
        password: row.get(4)?,
        created_at: row.get(5)?,
    })
}
