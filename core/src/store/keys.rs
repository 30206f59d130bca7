//! API keys.

use super::driver::{ChangeNumber, Row, params};
use super::{Failure, Rows, Store, Tx};
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::ipc::{Invalidation, Map, VersionCounters};
use crate::secret::Digest;
use crate::store::{
    Bounds, Creator, IMPORTS, KeyRecord, KeyRow, MAX_KEY_GENERATIONS, NewKey, Part, Versioned,
};

const COLUMNS: &str = "id, tenant_id, owner_id, prefix, name, scopes, roles, status, quota_limit,
    quota_period, metadata, expires_at, last_used_at, created_at, updated_at, created_by_type, created_by_id";

/// The key that has or had a digest, and the change number. At most one key ever has a digest.
const BY_DIGEST: &str = "SELECT changes.number, k.id, k.tenant_id, k.owner_id, k.roles, k.scopes, k.metadata,
    k.status = 'active' AND t.removed_at IS NULL,
    CASE WHEN o.until IS NULL OR k.expires_at < o.until THEN k.expires_at ELSE o.until END,
    CASE WHEN o.digest IS NULL THEN k.hashed_suffix ELSE o.hashed_suffix END, k.name
    FROM changes
    LEFT JOIN old_digests AS o ON o.digest = $1
    LEFT JOIN api_keys AS k ON k.digest = $1 OR k.id = o.key_id
    LEFT JOIN tenants AS t ON t.id = k.tenant_id";

impl Store {
    /// The key with this digest, and the change number of the snapshot.
    pub(crate) fn key_by_digest(
        &self,
        digest: &Digest,
        version_counters: &VersionCounters<Map>,
    ) -> Result<Versioned<Option<KeyRow>>> {
        self.read_of(std::slice::from_ref(digest), version_counters, |rows| {
            let found = rows.one(BY_DIGEST, params![digest], |row| {
                Ok(Versioned { number: row.get::<ChangeNumber>(0)?.get(), found: key_row(row)? })
            })?;
            Ok(found.ok_or_else(no_changes)?)
        })
    }
}

impl Rows<'_> {
    /// The key that has or had this digest.
    pub(crate) fn key_by_digest(&self, digest: &Digest) -> Result<Option<KeyRow>, Failure> {
        Ok(self.one(BY_DIGEST, params![digest], key_row)?.flatten())
    }

    /// Whether this digest belonged to a key before its last rotation.
    fn is_old_digest(&self, digest: &Digest) -> Result<bool, Failure> {
        let until = self.value::<i64>("SELECT until FROM old_digests WHERE digest = $1", params![digest])?;
        Ok(until.is_some())
    }

    pub(crate) fn key(&self, id: KeyId) -> Result<Option<KeyRecord>, Failure> {
        self.one(&format!("SELECT {COLUMNS} FROM api_keys WHERE id = $1"), params![id], key_record)
    }

    /// Keys of a tenant after `after`, in the order of their ids.
    pub(crate) fn keys(
        &self,
        tenant: TenantId,
        after: Option<KeyId>,
        bounds: Bounds,
    ) -> Result<Part<KeyRecord>, Failure> {
        self.within(
            bounds,
            &format!("SELECT {COLUMNS} FROM api_keys WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3"),
            params![tenant, after.map_or_else(String::new, |id| id.to_string()), bounds.rows + 1],
            key_record,
        )
    }

    /// The number of keys valid at `now`, for each tenant without a root key.
    pub(crate) fn valid_keys_without_root_key(&self, now: i64) -> Result<Vec<(TenantId, u64)>, Failure> {
        self.all(
            "SELECT tenant_id, count(*) FROM api_keys
             WHERE status = 'active' AND (expires_at IS NULL OR expires_at > $1)
                AND tenant_id NOT IN (SELECT tenant_id FROM root_keys)
                AND tenant_id IN (SELECT id FROM tenants WHERE removed_at IS NULL)
             GROUP BY tenant_id",
            params![now],
            |row| Ok((row.get(0)?, row.get::<i64>(1)?.unsigned_abs())),
        )
    }

    /// The length of the chain of creators of this key: 0 for a key that no API key created.
    pub(crate) fn generation_of_key(&self, id: KeyId) -> Result<u32, Failure> {
        let generation = self.value(
            "WITH RECURSIVE line (id, generation) AS (
                SELECT CAST($1 AS TEXT), 0
                UNION ALL
                SELECT k.created_by_id, line.generation + 1 FROM line JOIN api_keys AS k ON k.id = line.id
                WHERE k.created_by_type = 'apiKey' AND line.generation < $2
             ) SELECT max(generation) FROM line",
            params![id, MAX_KEY_GENERATIONS],
        )?;
        Ok(generation.unwrap_or(0))
    }

    /// The keys that this key created, directly or through other keys, and that are not revoked.
    fn descendants_of_key(&self, id: KeyId) -> Result<Vec<KeyId>, Failure> {
        self.all(
            "WITH RECURSIVE made (id) AS (
                SELECT id FROM api_keys WHERE created_by_type = 'apiKey' AND created_by_id = $1
                UNION
                SELECT k.id FROM made JOIN api_keys AS k
                    ON k.created_by_type = 'apiKey' AND k.created_by_id = made.id
             ) SELECT k.id FROM made JOIN api_keys AS k ON k.id = made.id WHERE k.status <> 'revoked' ORDER BY k.id",
            params![id],
            |row| row.get(0),
        )
    }

    /// Every digest of a key: the current one, and the one before its last rotation.
    fn digests_of(&self, id: KeyId) -> Result<Vec<KnownDigest>, Failure> {
        self.all(
            "SELECT digest, hashed_suffix IS NOT NULL FROM api_keys WHERE id = $1
             UNION ALL SELECT digest, hashed_suffix IS NOT NULL FROM old_digests WHERE key_id = $1",
            params![id],
            |row| Ok(KnownDigest { digest: row.get(0)?, is_imported: row.get(1)? }),
        )
    }
}

impl Tx<'_> {
    /// The key, locked until the transaction ends, so that writing it back undoes no other change.
    pub(crate) fn key_for_update(&self, id: KeyId) -> Result<Option<KeyRecord>, Failure> {
        self.one(
            &format!("UPDATE api_keys SET prefix = prefix WHERE id = $1 RETURNING {COLUMNS}"),
            params![id],
            key_record,
        )
    }

    /// Adds a key. Returns false if its digest is or was that of another key: then the transaction must not commit.
    pub(crate) fn add_key(&mut self, key: &NewKey<'_>) -> Result<bool, Failure> {
        if key.hashed_suffix.is_some() {
            self.publish(Invalidation::Updated(IMPORTS));
        }
        self.publish(Invalidation::Inserted(*key.digest));
        let added = self.run(
            "INSERT INTO api_keys (id, tenant_id, digest, prefix, roles, owner_id, name, metadata, expires_at,
                                   created_at, updated_at, scopes, quota_limit, quota_period, hashed_suffix,
                                   created_by_type, created_by_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16)
             ON CONFLICT (digest) DO NOTHING",
            params![
                key.id,
                key.tenant,
                key.digest,
                key.prefix,
                to_json(key.roles)?,
                key.owner_id,
                key.name,
                key.metadata,
                key.expires_at,
                key.created_at,
                to_json(key.scopes)?,
                key.quota.limit,
                key.quota.period,
                key.hashed_suffix,
                key.created_by.kind,
                key.created_by.id,
            ],
        )?;
        // Check after the insertion: a concurrent rotation that freed the digest has stored it as an old one by now.
        Ok(added == 1 && (key.hashed_suffix.is_none() || !self.is_old_digest(key.digest)?))
    }

    /// Replaces the secret of a key. The old one stays valid until `old_until`, or is revoked at once without it.
    pub(crate) fn replace_digest(
        &mut self,
        id: KeyId,
        digest: &Digest,
        old_until: Option<i64>,
        now: i64,
    ) -> Result<(), Failure> {
        self.publish_key(id)?;
        self.publish(Invalidation::Inserted(*digest));
        self.run("DELETE FROM old_digests WHERE key_id = $1", params![id])?;
        if let Some(until) = old_until {
            self.run(
                "INSERT INTO old_digests (key_id, digest, until, hashed_suffix)
                 SELECT id, digest, $1, hashed_suffix FROM api_keys WHERE id = $2",
                params![until, id],
            )?;
        }
        self.run(
            "UPDATE api_keys SET digest = $1, updated_at = $2, hashed_suffix = NULL WHERE id = $3",
            params![digest, now, id],
        )?;
        Ok(())
    }

    /// Revokes every key that this key created, directly or through other keys. Returns those that were not revoked
    /// before.
    pub(crate) fn revoke_descendants_of_key(&mut self, id: KeyId, now: i64) -> Result<Vec<KeyId>, Failure> {
        let descendants = self.descendants_of_key(id)?;
        for id in &descendants {
            self.publish_key(*id)?;
            self.run(
                "UPDATE api_keys SET status = 'revoked', updated_at = $1 WHERE id = $2",
                params![now, id],
            )?;
            self.run("DELETE FROM old_digests WHERE key_id = $1", params![id])?;
        }
        Ok(descendants)
    }

    pub(crate) fn delete_key(&mut self, id: KeyId) -> Result<(), Failure> {
        self.publish_key(id)?;
        self.run("DELETE FROM api_keys WHERE id = $1", params![id])?;
        Ok(())
    }

    /// Writes everything that can change of a key, except its secret and when it was last used.
    pub(crate) fn update_key(&mut self, key: &KeyRecord, now: i64) -> Result<(), Failure> {
        self.publish_key(key.id)?;
        self.run(
            "UPDATE api_keys SET owner_id = $1, name = $2, scopes = $3, roles = $4, status = $5, quota_limit = $6,
                quota_period = $7, metadata = $8, expires_at = $9, updated_at = $10 WHERE id = $11",
            params![
                key.owner_id,
                key.name,
                to_json(&key.scopes)?,
                to_json(&key.roles)?,
                key.status,
                key.quota_limit,
                key.quota_period,
                key.metadata,
                key.expires_at,
                now,
                key.id
            ],
        )?;
        // A key that is disabled or revoked loses its old secret for good.
        if key.status != "active" {
            self.run("DELETE FROM old_digests WHERE key_id = $1", params![key.id])?;
        }
        Ok(())
    }

    /// Publishes a change of a key, under every digest that it has before the change.
    fn publish_key(&mut self, id: KeyId) -> Result<(), Failure> {
        for known in self.digests_of(id)? {
            self.publish(Invalidation::Updated(known.digest));
            if known.is_imported {
                self.publish(Invalidation::Updated(IMPORTS));
            }
        }
        Ok(())
    }
}

/// A digest of a key.
struct KnownDigest {
    digest: Digest,
    is_imported: bool,
}

pub(super) fn key_row(row: &Row<'_>) -> Result<Option<KeyRow>, Failure> {
    let Some(id) = row.get(1)? else { return Ok(None) };
    Ok(Some(KeyRow {
        id,
        tenant: row.get(2)?,
        owner_id: row.get(3)?,
        roles: from_json(row, 4)?,
        scopes: from_json(row, 5)?,
        metadata: row.get(6)?,
        is_active: row.get(7)?,
        expires_at: row.get(8)?,
        hashed_suffix: row.get(9)?,
        name: row.get(10)?,
    }))
}

fn key_record(row: &Row<'_>) -> Result<KeyRecord, Failure> {
    Ok(KeyRecord {
        id: row.get(0)?,
        tenant_id: row.get(1)?,
        owner_id: row.get(2)?,
        prefix: row.get(3)?,
        name: row.get(4)?,
        scopes: from_json(row, 5)?,
        roles: from_json(row, 6)?,
        status: row.get(7)?,
        quota_limit: row.get(8)?,
        quota_period: row.get(9)?,
        metadata: row.get(10)?,
        expires_at: row.get(11)?,
        last_used_at: row.get(12)?,
        created_at: row.get(13)?,
        updated_at: row.get(14)?,
        created_by: match row.get(15)? {
            Some(kind) => Some(Creator { kind, id: row.get(16)? }),
            None => None,
        },
    })
}

/// The error for a database without its one row of changes.
pub(super) fn no_changes() -> GatekeeperError {
    GatekeeperError::internal("the changes table is empty")
}

fn to_json(names: &[String]) -> Result<String> {
    serde_json::to_string(names).map_err(GatekeeperError::internal)
}

fn from_json(row: &Row<'_>, column: usize) -> Result<Vec<String>, Failure> {
    Ok(serde_json::from_str(row.get(column)?).map_err(GatekeeperError::internal)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::driver::plan;

    #[test]
    fn a_digest_is_looked_up_by_indexes_alone() {
        let plan = plan(BY_DIGEST);
        let scans: Vec<_> = plan.iter().filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans, ["SCAN changes"], "{plan:?}");
        let searches = plan.iter().filter(|step| step.starts_with("SEARCH")).count();
        assert_eq!(searches, 4, "{plan:?}");
    }
}
