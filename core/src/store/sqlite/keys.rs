//! API keys. SQLite numbers `$1`, `$2`, … by where they first stand in the text: they stand in order in all of it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Failure, Store};
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::secret::Digest;
use crate::shared::{Concern, Map, Words};
use crate::store::{AsOf, KeyRow, NewKey};

impl Store {
    /// Adds a key.
    pub(crate) fn add_key(&self, key: &NewKey<'_>) -> Result<Option<()>> {
        self.change(|transaction, concerns| {
            concerns.push(Concern::Appeared(*key.digest));
            transaction
                .prepare_cached(
                    "INSERT INTO api_keys (id, tenant_id, digest, prefix, roles, owner_id, name, metadata,
                                           expires_at, created_at, updated_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
                )?
                .execute(params![
                    key.id.to_string(),
                    key.tenant.to_string(),
                    key.digest.as_bytes(),
                    key.prefix,
                    to_json(key.roles)?,
                    key.owner_id,
                    key.name,
                    key.metadata,
                    key.expires_at,
                    key.created_at,
                ])?;
            Ok(Some(()))
        })
    }

    /// The key with this digest, and the change number it was read under.
    pub(crate) fn key_by_digest(&self, digest: &Digest, words: &Words<Map>) -> Result<AsOf<Option<KeyRow>>> {
        self.read_of(digest, words, |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT changes.number, k.id, k.tenant_id, k.owner_id, k.roles, k.expires_at
                 FROM changes LEFT JOIN api_keys AS k ON k.digest = $1",
            )?;
            let mut rows = statement.query([digest.as_bytes()])?;
            let row = rows.next()?.ok_or_else(|| GatekeeperError::internal("the changes table is empty"))?;
            let number = row.get::<_, i64>(0)?.unsigned_abs();
            Ok(AsOf { number, found: key_row(row)? })
        })
    }

    /// The prefix of a key of `tenant`, or of any tenant; none where there is no such key.
    pub(crate) fn key_prefix(&self, id: KeyId, tenant: Option<TenantId>) -> Result<Option<String>> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT prefix FROM api_keys WHERE id = $1 AND ($2 IS NULL OR tenant_id = $2)",
                )?
                .query_row(params![id.to_string(), text(tenant)], |row| row.get(0))
                .optional()?)
        })
    }

    /// Gives a key another secret; none where there is no such key.
    pub(crate) fn replace_digest(
        &self,
        id: KeyId,
        tenant: Option<TenantId>,
        digest: &Digest,
        now: i64,
    ) -> Result<Option<()>> {
        self.change(|transaction, concerns| {
            let Some(before) = digest_of(transaction, id, tenant)? else { return Ok(None) };
            concerns.extend([Concern::Changed(before), Concern::Appeared(*digest)]);
            transaction
                .prepare_cached("UPDATE api_keys SET digest = $1, updated_at = $2 WHERE id = $3")?
                .execute(params![digest.as_bytes(), now, id.to_string()])?;
            Ok(Some(()))
        })
    }

    /// Deletes a key; none where there is no such key.
    pub(crate) fn delete_key(&self, id: KeyId, tenant: Option<TenantId>) -> Result<Option<()>> {
        self.change(|transaction, concerns| {
            let Some(digest) = digest_of(transaction, id, tenant)? else { return Ok(None) };
            concerns.push(Concern::Changed(digest));
            transaction.prepare_cached("DELETE FROM api_keys WHERE id = $1")?.execute([id.to_string()])?;
            Ok(Some(()))
        })
    }

    /// Gives a key the roles that `update` makes of those it has; none where there is no such key.
    pub(crate) fn update_roles<T>(
        &self,
        id: KeyId,
        tenant: Option<TenantId>,
        now: i64,
        update: impl FnOnce(Vec<String>) -> Result<(Vec<String>, T)>,
    ) -> Result<Option<T>> {
        self.change(|transaction, concerns| {
            let Some(digest) = digest_of(transaction, id, tenant)? else { return Ok(None) };
            let before = roles_of(transaction, id)?;
            let (after, answer) = update(from_json(&before)?)?;
            let after = to_json(&after)?;
            if after == before {
                return Ok(Some(answer));
            }
            concerns.push(Concern::Changed(digest));
            transaction
                .prepare_cached("UPDATE api_keys SET roles = $1, updated_at = $2 WHERE id = $3")?
                .execute(params![after, now, id.to_string()])?;
            Ok(Some(answer))
        })
    }
}

/// The digest of a key of `tenant`, or of any tenant.
fn digest_of(
    connection: &Connection,
    id: KeyId,
    tenant: Option<TenantId>,
) -> Result<Option<Digest>, Failure> {
    let digest: Option<[u8; 32]> = connection
        .prepare_cached("SELECT digest FROM api_keys WHERE id = $1 AND ($2 IS NULL OR tenant_id = $2)")?
        .query_row(params![id.to_string(), text(tenant)], |row| row.get(0))
        .optional()?;
    Ok(digest.map(Digest::from_bytes))
}

fn roles_of(connection: &Connection, id: KeyId) -> Result<String, Failure> {
    let mut statement = connection.prepare_cached("SELECT roles FROM api_keys WHERE id = $1")?;
    Ok(statement.query_row([id.to_string()], |row| row.get(0))?)
}

fn key_row(row: &Row<'_>) -> Result<Option<KeyRow>, Failure> {
    let Some(id) = row.get::<_, Option<String>>(1)? else { return Ok(None) };
    Ok(Some(KeyRow {
        id: id.parse()?,
        tenant: row.get::<_, String>(2)?.parse()?,
        owner_id: row.get(3)?,
        roles: from_json(&row.get::<_, String>(4)?)?,
        expires_at: row.get(5)?,
    }))
}

fn text(tenant: Option<TenantId>) -> Option<String> {
    tenant.map(|tenant| tenant.to_string())
}

fn to_json(roles: &[String]) -> Result<String> {
    serde_json::to_string(roles).map_err(GatekeeperError::internal)
}

fn from_json(roles: &str) -> Result<Vec<String>> {
    serde_json::from_str(roles).map_err(GatekeeperError::internal)
}
