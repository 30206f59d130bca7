//! Imported digests: the suffixes that they were computed with, and look-ups of several digests at once. The suffix
//! of a revoked or expired key does not count.

use super::driver::{ChangeNumber, Value, params, to_value};
use super::keys::key_row;
use super::{Failure, Rows, Store};
use crate::error::{GatekeeperError, Result};
use crate::id::TenantId;
use crate::ipc::{Map, VersionCounters};
use crate::secret::Digest;
use crate::store::{IMPORTS, KeyRow, SuffixHolder, Versioned};

/// Every suffix in use at `$1`, each with the change number. It skips through an index, so that its cost does not
/// depend on how many digests share a suffix.
const SUFFIXES: &str = "WITH RECURSIVE
    present (suffix) AS (
        SELECT min(hashed_suffix) FROM api_keys
        WHERE hashed_suffix IS NOT NULL AND status <> 'revoked' AND (expires_at IS NULL OR expires_at > $1)
        UNION ALL
        SELECT (SELECT min(hashed_suffix) FROM api_keys
                WHERE hashed_suffix > suffix AND status <> 'revoked' AND (expires_at IS NULL OR expires_at > $1))
        FROM present WHERE suffix IS NOT NULL
    ),
    old (suffix) AS (
        SELECT min(hashed_suffix) FROM old_digests WHERE hashed_suffix IS NOT NULL AND until > $1
        UNION ALL
        SELECT (SELECT min(hashed_suffix) FROM old_digests WHERE hashed_suffix > suffix AND until > $1)
        FROM old WHERE suffix IS NOT NULL
    )
    SELECT changes.number, suffixes.suffix FROM changes LEFT JOIN
        (SELECT suffix FROM present UNION SELECT suffix FROM old) AS suffixes ON suffixes.suffix IS NOT NULL";

/// Whether a tenant has a key with this suffix that can be valid at a given time, by its current or its previous
/// secret.
const HAS_SUFFIX: &str = "SELECT EXISTS (
        SELECT 1 FROM api_keys WHERE hashed_suffix = $1 AND status <> 'revoked' AND tenant_id = $2
            AND (expires_at IS NULL OR expires_at > $3)
    ) OR EXISTS (
        SELECT 1 FROM old_digests AS o JOIN api_keys AS k ON k.id = o.key_id
        WHERE o.hashed_suffix = $1 AND o.until > $3 AND k.tenant_id = $2
    )";

impl Store {
    /// The suffixes in use at `now`, Unix ms, and the change number of the snapshot.
    pub(crate) fn imported_suffixes(
        &self,
        version_counters: &VersionCounters<Map>,
        now: i64,
    ) -> Result<Versioned<Vec<String>>> {
        self.read_of(&[IMPORTS], version_counters, |rows| {
            Ok(versioned(rows.all(SUFFIXES, params![now], |row| Ok((row.get(0)?, row.get(1)?)))?))
        })
    }

    /// The keys with these digests, in the order of the digests, and the change number of the snapshot, in one
    /// statement.
    pub(crate) fn keys_by_digests(
        &self,
        digests: &[Digest],
        version_counters: &VersionCounters<Map>,
    ) -> Result<Versioned<Vec<Option<KeyRow>>>> {
        let sql = by_digests(digests.len());
        let params: Vec<Value<'_>> = digests.iter().map(to_value).collect();
        self.read_of(digests, version_counters, |rows| {
            let found = rows.all(&sql, &params, |row| Ok((row.get(0)?, Some(key_row(row)?))))?;
            if found.len() == digests.len() {
                return Ok(versioned(found));
            }
            Err(GatekeeperError::internal("a look-up of digests returned the wrong number of keys").into())
        })
    }
}

impl Rows<'_> {
    /// The suffixes in use at `now`, Unix ms.
    pub(crate) fn imported_suffixes(&self, now: i64) -> Result<Vec<String>, Failure> {
        let suffixes = self.all(SUFFIXES, params![now], |row| row.get::<Option<String>>(1))?;
        Ok(suffixes.into_iter().flatten().collect())
    }

    /// Whether a tenant has a key with this suffix that can be valid at `now`, Unix ms.
    pub(crate) fn has_suffix(&self, suffix: &str, tenant: TenantId, now: i64) -> Result<bool, Failure> {
        Ok(self.value(HAS_SUFFIX, params![suffix, tenant, now])?.unwrap_or(false))
    }

    /// The tenants that have keys with suffixes that can be valid at `now`, Unix ms, with their numbers of suffixes
    /// and keys.
    pub(crate) fn suffix_holders(&self, now: i64) -> Result<Vec<SuffixHolder>, Failure> {
        self.all(
            "SELECT t.id, t.name, count(DISTINCT k.hashed_suffix), count(*)
             FROM api_keys AS k JOIN tenants AS t ON t.id = k.tenant_id
             WHERE k.hashed_suffix IS NOT NULL AND k.status <> 'revoked' AND t.removed_at IS NULL
                AND (k.expires_at IS NULL OR k.expires_at > $1)
             GROUP BY t.id, t.name ORDER BY 3 DESC, t.id",
            params![now],
            |row| {
                Ok(SuffixHolder {
                    tenant_id: row.get(0)?,
                    tenant_name: row.get(1)?,
                    suffixes: row.get(2)?,
                    keys: row.get(3)?,
                })
            },
        )
    }
}

/// The result of a statement whose rows each have the change number.
fn versioned<T>(rows: Vec<(ChangeNumber, Option<T>)>) -> Versioned<Vec<T>> {
    let number = rows.first().map_or(0, |(number, _)| number.get());
    Versioned { number, found: rows.into_iter().filter_map(|(_, found)| found).collect() }
}

/// The statement that finds the keys of this many digests, in order, and the change number; see `BY_DIGEST`.
fn by_digests(count: usize) -> String {
    let given: Vec<String> = (1..=count).map(|number| format!("({number}, ${number})")).collect();
    format!(
        "WITH given (position, digest) AS (VALUES {})
         SELECT changes.number, k.id, k.tenant_id, k.owner_id, k.roles, k.scopes, k.metadata,
            k.status = 'active' AND t.removed_at IS NULL,
            CASE WHEN o.until IS NULL OR k.expires_at < o.until THEN k.expires_at ELSE o.until END,
            CASE WHEN o.digest IS NULL THEN k.hashed_suffix ELSE o.hashed_suffix END, k.name
         FROM changes CROSS JOIN given
         LEFT JOIN old_digests AS o ON o.digest = given.digest
         LEFT JOIN api_keys AS k ON k.digest = given.digest OR k.id = o.key_id
         LEFT JOIN tenants AS t ON t.id = k.tenant_id
         ORDER BY given.position",
        given.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::driver::plan;

    fn count(plan: &[String], is_one: impl Fn(&&String) -> bool) -> usize {
        plan.iter().filter(is_one).count()
    }

    #[test]
    fn suffixes_are_found_by_skipping_through_an_index() {
        let plan = plan(SUFFIXES);
        let skips = |step: &&String| step.starts_with("SEARCH") && step.contains("_imported");
        assert_eq!(count(&plan, skips), 4, "{plan:?}");
        assert_eq!(count(&plan, |step| step.starts_with("SCAN") && step.contains("_digests")), 0, "{plan:?}");
    }

    #[test]
    fn whether_a_tenant_has_a_suffix_is_found_by_indexes_alone() {
        let plan = plan(HAS_SUFFIX);
        assert_eq!(
            count(&plan, |step| step.starts_with("SCAN") && !step.contains("CONSTANT")),
            0,
            "{plan:?}"
        );
    }

    #[test]
    fn eight_digests_are_looked_up_by_indexes_alone_in_one_statement() {
        let plan = plan(&by_digests(8));
        let scans = |step: &&String| {
            step.starts_with("SCAN")
                && (step.contains(" k") || step.contains(" o") || step.contains("api_keys"))
        };
        assert_eq!(count(&plan, scans), 0, "{plan:?}");
        assert_eq!(count(&plan, |step| step.starts_with("SEARCH")), 4, "{plan:?}");
    }
}
