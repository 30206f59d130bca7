//! Tenants and their root keys.

use rusqlite::{OptionalExtension, params};

use super::Store;
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::secret::Digest;
use crate::shared::{Concern, Map, Words};
use crate::store::AsOf;

impl Store {
    /// Adds a tenant and its root key.
    pub(crate) fn add_tenant(
        &self,
        tenant: TenantId,
        name: &str,
        root_key: KeyId,
        digest: &Digest,
        created_at: i64,
    ) -> Result<Option<()>> {
        self.change(|transaction, concerns| {
            concerns.push(Concern::Appeared(*digest));
            transaction.execute(
                "INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)",
                params![tenant.to_string(), name, created_at],
            )?;
            transaction.execute(
                "INSERT INTO root_keys (id, tenant_id, digest, created_at) VALUES ($1, $2, $3, $4)",
                params![root_key.to_string(), tenant.to_string(), digest.as_bytes(), created_at],
            )?;
            Ok(Some(()))
        })
    }

    /// The tenant that a root key acts for.
    pub(crate) fn tenant_of_root_key(
        &self,
        digest: &Digest,
        words: &Words<Map>,
    ) -> Result<AsOf<Option<TenantId>>> {
        self.read_of(digest, words, |connection| {
            let (number, tenant) = connection
                .prepare_cached(
                    "SELECT changes.number, root_keys.tenant_id
                     FROM changes LEFT JOIN root_keys ON root_keys.digest = $1",
                )?
                .query_row([digest.as_bytes()], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
                })
                .optional()?
                .ok_or_else(|| GatekeeperError::internal("the changes table is empty"))?;
            let found = tenant.map(|tenant| tenant.parse()).transpose()?;
            Ok(AsOf { number: number.unsigned_abs(), found })
        })
    }
}
