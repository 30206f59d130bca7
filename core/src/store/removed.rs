//! Deleted tenants. The deletion itself writes one row, and revokes the keys with it. The remaining rows, which may
//! be millions, are deleted in short transactions, so that no other writer waits long.

use super::driver::params;
use super::{Failure, Rows, Store, Tx};
use crate::error::Result;
use crate::id::TenantId;
use crate::ipc::Invalidation;
use crate::store::IMPORTS;

/// The maximum number of digests that are published one by one. Beyond it, the change is published for everything.
const MAX_ANNOUNCED: u32 = 4096;
/// The number of rows that a transaction deletes.
const BATCH: u32 = 1000;

/// The statements that delete the rows of a tenant, each at most `$2` rows. Totals of keys are deleted before the
/// keys.
const LEFT: &[&str] = &[
    "DELETE FROM usage_events WHERE id IN (SELECT id FROM usage_events WHERE tenant_id = $1 LIMIT $2)",
    "DELETE FROM usage_sums WHERE (subject, period, starts) IN
        (SELECT subject, period, starts FROM usage_sums WHERE subject = $1 LIMIT $2)",
    "DELETE FROM usage_sums WHERE (subject, period, starts) IN
        (SELECT s.subject, s.period, s.starts
         FROM (SELECT id FROM api_keys WHERE tenant_id = $1 ORDER BY id LIMIT 200) AS k
         JOIN usage_sums AS s ON s.subject = k.id LIMIT $2)",
    "DELETE FROM api_keys WHERE id IN
        (SELECT id FROM api_keys WHERE tenant_id = $1 ORDER BY id LIMIT min($2, 200))",
    "DELETE FROM members WHERE (tenant_id, user_id) IN
        (SELECT tenant_id, user_id FROM members WHERE tenant_id = $1 LIMIT $2)",
    "DELETE FROM root_keys WHERE id IN (SELECT id FROM root_keys WHERE tenant_id = $1 LIMIT $2)",
];

impl Store {
    /// Deletes rows of removed tenants in at most `batches` transactions. Returns whether more may remain.
    pub(crate) fn delete_removed(&self, batches: u32) -> Result<bool> {
        for _ in 0..batches {
            if !self.read_rows(|rows| Ok(rows.removed_tenant()?.is_some()))? {
                return Ok(false);
            }
            self.write(|tx| tx.delete_removed(BATCH))?;
        }
        Ok(true)
    }

    /// Deletes some rows if no other thread or process is writing.
    pub(crate) fn delete_removed_if_free(&self) {
        if self.read_rows(|rows| Ok(rows.removed_tenant()?.is_some())).unwrap_or(false) {
            self.write_if_free(|tx| tx.delete_removed(BATCH));
        }
    }
}

impl Rows<'_> {
    /// A removed tenant that still has rows.
    fn removed_tenant(&self) -> Result<Option<String>, Failure> {
        self.value("SELECT id FROM tenants WHERE removed_at IS NOT NULL LIMIT 1", &[])
    }
}

impl Tx<'_> {
    /// Removes a tenant, and revokes its keys.
    pub(crate) fn remove_tenant(&mut self, id: TenantId, now: i64) -> Result<(), Failure> {
        let id = id.to_string();
        let digests = self.all(
            "SELECT digest FROM api_keys WHERE tenant_id = $1
             UNION ALL SELECT digest FROM root_keys WHERE tenant_id = $1
             UNION ALL SELECT o.digest FROM old_digests AS o JOIN api_keys AS k ON k.id = o.key_id
                       WHERE k.tenant_id = $1
             LIMIT $2",
            params![id, MAX_ANNOUNCED],
            |row| row.get(0),
        )?;
        if digests.len() < MAX_ANNOUNCED as usize {
            for digest in digests {
                self.publish(Invalidation::Updated(digest));
            }
        } else {
            self.publish(Invalidation::All);
        }
        self.run("UPDATE tenants SET removed_at = $1 WHERE id = $2", params![now, id])?;
        Ok(())
    }

    /// Deletes at most `limit` rows of a removed tenant, or the tenant itself if it has no others.
    fn delete_removed(&mut self, limit: u32) -> Result<(), Failure> {
        let Some(id) = self.removed_tenant()? else { return Ok(()) };
        // Its imported keys may have been the last with their suffixes. The keys themselves were revoked before.
        self.publish(Invalidation::Updated(IMPORTS));
        for sql in LEFT {
            if self.run(sql, params![id, limit])? > 0 {
                return Ok(());
            }
        }
        self.run("DELETE FROM tenants WHERE id = $1", params![id])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::KeyId;
    use crate::secret::Digest;
    use crate::store::NewKey;
    use crate::store::driver::plan;

    const TENANT: TenantId = TenantId::from_bits(1);

    /// Adds a tenant with this many keys and events.
    fn add_tenant(store: &Store, keys: u32, events: u32) {
        store.write(|tx| tx.add_tenant(TENANT, "Acme", 0)).unwrap();
        let sql = format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {keys})
             INSERT INTO api_keys (id, tenant_id, digest, prefix, roles, created_at, updated_at)
             SELECT printf('key_%026d', n), '{TENANT}', randomblob(32), 'p', '[]', 0, 0 FROM number;
             INSERT INTO usage_sums SELECT id, 'hour', 0, 1, 1 FROM api_keys;
             WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {events})
             INSERT INTO usage_events (id, tenant_id, service, action, quantity, created_at)
             SELECT printf('evt_%026d', n), '{TENANT}', 's', 'a', 1, 0 FROM number;"
        );
        store.run_script(&sql);
    }

    fn rows_of(store: &Store) -> i64 {
        store.value_of(
            "SELECT (SELECT count(*) FROM usage_events) + (SELECT count(*) FROM api_keys)
                + (SELECT count(*) FROM usage_sums) + (SELECT count(*) FROM tenants WHERE removed_at > 0)",
        )
    }

    #[test]
    fn a_removed_tenant_is_gone_at_once_and_its_rows_are_deleted_in_short_transactions() {
        let store = Store::in_memory().unwrap();
        add_tenant(&store, 3000, 10_000);
        let digest = Digest::of(b"key");
        let key = NewKey { tenant: TENANT, ..NewKey::plain(KeyId::from_bits(u128::MAX), &digest) };
        assert!(store.write(|tx| tx.add_key(&key)).unwrap());
        let version_counters = &store.open_shared().unwrap().version_counters;
        let read = store.key_by_digest(&digest, version_counters).unwrap();
        assert!(read.found.is_some_and(|row| row.is_active));

        let before = rows_of(&store);
        store.write(|tx| tx.remove_tenant(TENANT, 7)).unwrap();
        assert_eq!(rows_of(&store), before + 1, "the removal itself deletes nothing");
        assert!(store.read_rows(|rows| rows.tenant(TENANT)).unwrap().is_none());
        assert!(version_counters.of_known(&digest) > read.number, "its cached keys are stale");
        let read = store.key_by_digest(&digest, version_counters).unwrap();
        assert!(!read.found.is_some_and(|row| row.is_active));

        let others = version_counters.of_known(&Digest::of(b"another"));
        let mut left = rows_of(&store);
        while store.delete_removed(1).unwrap() {
            let now = rows_of(&store);
            assert!(now < left && left - now <= BATCH.into(), "{left} {now}");
            left = now;
        }
        assert_eq!(left, 0);
        // Other processes do not mistake it for a change of another program.
        store.open_shared().unwrap();
        assert_eq!(version_counters.of_known(&Digest::of(b"another")), others);
    }

    #[test]
    fn the_rows_of_a_removed_tenant_are_found_by_indexes_alone() {
        for sql in LEFT.iter().filter(|sql| !sql.contains("root_keys")) {
            let plan = plan(sql);
            let scans = |step: &&String| step.starts_with("SCAN") && !step.ends_with(" k");
            assert_eq!(plan.iter().filter(scans).count(), 0, "{plan:?}");
        }
    }
}
