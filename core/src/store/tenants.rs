//! Tenants and their root keys.

use super::driver::{ChangeNumber, Row, params};
use super::keys::no_changes;
use super::{Failure, Rows, Store, Tx};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::ipc::{Invalidation, Map, VersionCounters};
use crate::secret::Digest;
use crate::store::{BoundRootKey, Quota, RootKeyRow, TenantRow, TenantSize, Versioned};

impl Store {
    /// The root key with this digest.
    pub(crate) fn root_key(
        &self,
        digest: &Digest,
        version_counters: &VersionCounters<Map>,
    ) -> Result<Versioned<Option<BoundRootKey>>> {
        self.read_of(std::slice::from_ref(digest), version_counters, |rows| {
            let found = rows.one(
                "SELECT changes.number, root_keys.id, root_keys.tenant_id
                 FROM changes LEFT JOIN root_keys ON root_keys.digest = $1
                    AND root_keys.tenant_id IN (SELECT id FROM tenants WHERE removed_at IS NULL)",
                params![digest],
                |row| {
                    let found = match row.get(1)? {
                        Some(id) => Some(BoundRootKey { id, tenant: row.get(2)? }),
                        None => None,
                    };
                    Ok(Versioned { number: row.get::<ChangeNumber>(0)?.get(), found })
                },
            )?;
            Ok(found.ok_or_else(no_changes)?)
        })
    }
}

impl Rows<'_> {
    /// The root key with this digest.
    pub(crate) fn root_key(&self, digest: &Digest) -> Result<Option<BoundRootKey>, Failure> {
        self.one(
            "SELECT r.id, r.tenant_id FROM root_keys AS r JOIN tenants AS t ON t.id = r.tenant_id
             WHERE r.digest = $1 AND t.removed_at IS NULL",
            params![digest],
            |row| Ok(BoundRootKey { id: row.get(0)?, tenant: row.get(1)? }),
        )
    }

    pub(crate) fn tenant(&self, id: TenantId) -> Result<Option<TenantRow>, Failure> {
        self.one(
            "SELECT id, name, created_at, quota_limit, quota_period FROM tenants
             WHERE id = $1 AND removed_at IS NULL",
            params![id],
            tenant_row,
        )
    }

    /// The size of a tenant, as the triggers of the schema maintain it.
    pub(crate) fn tenant_size(&self, id: TenantId) -> Result<TenantSize, Failure> {
        let size = self.one(
            "SELECT key_count, member_count, metadata_bytes FROM tenants WHERE id = $1",
            params![id],
            |row| Ok(TenantSize { keys: row.get(0)?, members: row.get(1)?, metadata_bytes: row.get(2)? }),
        )?;
        Ok(size.unwrap_or_default())
    }

    /// At most `limit` tenants after `after`, in the order of their ids.
    pub(crate) fn tenants(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<TenantRow>, Failure> {
        self.all(
            "SELECT id, name, created_at, quota_limit, quota_period FROM tenants
             WHERE id > $1 AND removed_at IS NULL ORDER BY id LIMIT $2",
            params![after.map_or_else(String::new, |id| id.to_string()), limit],
            tenant_row,
        )
    }

    /// At most `limit` root keys of a tenant after `after`, in the order of their ids.
    pub(crate) fn root_keys(
        &self,
        tenant: TenantId,
        after: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<RootKeyRow>, Failure> {
        self.all(
            "SELECT id, created_at FROM root_keys WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            params![tenant, after.map_or_else(String::new, |id| id.to_string()), limit],
            |row| Ok(RootKeyRow { id: row.get(0)?, created_at: row.get(1)? }),
        )
    }

    pub(crate) fn has_root_key(&self) -> Result<bool, Failure> {
        Ok(self
            .value(
                "SELECT EXISTS (SELECT 1 FROM root_keys AS r JOIN tenants AS t ON t.id = r.tenant_id
                 WHERE t.removed_at IS NULL)",
                &[],
            )?
            .unwrap_or(false))
    }
}

impl Tx<'_> {
    pub(crate) fn add_tenant(&self, id: TenantId, name: &str, now: i64) -> Result<(), Failure> {
        self.run("INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)", params![id, name, now])?;
        Ok(())
    }

    pub(crate) fn add_root_key(
        &mut self,
        id: KeyId,
        tenant: TenantId,
        digest: &Digest,
        now: i64,
    ) -> Result<(), Failure> {
        self.publish(Invalidation::Inserted(*digest));
        self.run(
            "INSERT INTO root_keys (id, tenant_id, digest, created_at) VALUES ($1, $2, $3, $4)",
            params![id, tenant, digest, now],
        )?;
        Ok(())
    }

    /// Adds a root key, unless a tenant that is not removed has one. Returns whether it was added.
    pub(crate) fn add_first_root_key(
        &mut self,
        id: KeyId,
        tenant: TenantId,
        digest: &Digest,
        now: i64,
    ) -> Result<bool, Failure> {
        self.lock_database()?;
        self.publish(Invalidation::Inserted(*digest));
        let added = self.run(
            "INSERT INTO root_keys (id, tenant_id, digest, created_at) SELECT $1, $2, $3, $4
             WHERE NOT EXISTS (SELECT 1 FROM root_keys AS r JOIN tenants AS t ON t.id = r.tenant_id
                               WHERE t.removed_at IS NULL)",
            params![id, tenant, digest, now],
        )?;
        Ok(added == 1)
    }

    /// Deletes a root key, which revokes it at once. Returns its tenant, if it existed.
    pub(crate) fn remove_root_key(&mut self, id: KeyId) -> Result<Option<TenantId>, Failure> {
        let removed = self.one(
            "DELETE FROM root_keys WHERE id = $1 RETURNING tenant_id, digest",
            params![id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let Some((tenant, digest)) = removed else { return Ok(None) };
        self.publish(Invalidation::Updated(digest));
        Ok(Some(tenant))
    }

    pub(crate) fn rename_tenant(&self, id: TenantId, name: &str) -> Result<(), Failure> {
        self.run("UPDATE tenants SET name = $1 WHERE id = $2", params![name, id])?;
        Ok(())
    }

    pub(crate) fn set_tenant_quota(&self, id: TenantId, quota: Quota<'_>) -> Result<(), Failure> {
        self.run(
            "UPDATE tenants SET quota_limit = $1, quota_period = $2 WHERE id = $3",
            params![quota.limit, quota.period, id],
        )?;
        Ok(())
    }
}

/// A row of `id, name, created_at, quota_limit, quota_period`.
pub(crate) fn tenant_row(row: &Row<'_>) -> Result<TenantRow, Failure> {
    Ok(TenantRow {
        id: row.get(0)?,
        name: row.get(1)?,
        created_at: row.get(2)?,
        quota_limit: row.get(3)?,
        quota_period: row.get(4)?,
    })
}
