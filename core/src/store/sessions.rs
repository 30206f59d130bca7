//! Sessions and their refresh tokens.

use super::driver::{Row, params};
use super::{Failure, Rows, Tx};
use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::store::SessionRow;

const COLUMNS: &str =
    "SELECT id, user_id, source, created_at, last_used_at, expires_at, revoked_at FROM sessions";

impl Rows<'_> {
    pub(crate) fn session(&self, id: SessionId) -> Result<Option<SessionRow>, Failure> {
        self.one(&format!("{COLUMNS} WHERE id = $1"), params![id], session_row)
    }

    /// At most `limit` of a user's active sessions after `after`, in the order of their ids.
    pub(crate) fn sessions_of(
        &self,
        user: UserId,
        now: i64,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRow>, Failure> {
        self.all(
            &format!(
                "{COLUMNS} WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND id > $3
                 ORDER BY id LIMIT $4"
            ),
            params![user, now, after.map_or_else(String::new, |id| id.to_string()), limit],
            session_row,
        )
    }

    /// A user's active sessions except for the `kept` most recently used ones.
    pub(crate) fn sessions_beyond(
        &self,
        user: UserId,
        kept: u32,
        now: i64,
    ) -> Result<Vec<SessionId>, Failure> {
        self.all(
            "SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
             ORDER BY last_used_at DESC, id DESC LIMIT $3 OFFSET $4",
            params![user, now, i64::MAX, kept],
            |row| row.get(0),
        )
    }
}

impl Tx<'_> {
    pub(crate) fn add_session(&self, session: &SessionRow) -> Result<(), Failure> {
        self.run(
            "INSERT INTO sessions (id, user_id, source, created_at, last_used_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            params![
                session.id,
                session.user_id,
                session.source,
                session.created_at,
                session.last_used_at,
                session.expires_at
            ],
        )?;
        Ok(())
    }

    /// Extends an active session until `expires_at`. Returns false if it is over.
    pub(crate) fn prolong_session(&self, id: SessionId, now: i64, expires_at: i64) -> Result<bool, Failure> {
        let prolonged = self.run(
            "UPDATE sessions SET last_used_at = $1, expires_at = $2
             WHERE id = $3 AND revoked_at IS NULL AND expires_at > $1",
            params![now, expires_at, id],
        )?;
        Ok(prolonged == 1)
    }

    /// Ends a session of a user. Returns whether it was active.
    pub(crate) fn revoke_session(&self, user: UserId, id: SessionId, now: i64) -> Result<bool, Failure> {
        let revoked = self.run(
            "UPDATE sessions SET revoked_at = $1
             WHERE id = $2 AND user_id = $3 AND revoked_at IS NULL AND expires_at > $1",
            params![now, id, user],
        )?;
        Ok(revoked == 1)
    }

    /// Ends every session of a user except `kept`. Returns their number.
    pub(crate) fn revoke_sessions(
        &self,
        user: UserId,
        kept: Option<SessionId>,
        now: i64,
    ) -> Result<usize, Failure> {
        self.run(
            "UPDATE sessions SET revoked_at = $1
             WHERE user_id = $2 AND revoked_at IS NULL AND expires_at > $1 AND id <> $3",
            params![now, user, kept.map_or_else(String::new, |id| id.to_string())],
        )
    }
}

fn session_row(row: &Row<'_>) -> Result<SessionRow, Failure> {
    Ok(SessionRow {
        id: row.get(0)?,
        user_id: row.get(1)?,
        source: row.get(2)?,
        created_at: row.get(3)?,
        last_used_at: row.get(4)?,
        expires_at: row.get(5)?,
        revoked_at: row.get(6)?,
    })
}
