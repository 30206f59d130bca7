//! Rows that operations rely on: every database has them from the beginning.

use super::Failure;
use super::rows::Rows;

/// A row that operations rely on and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingRow {
    /// What it is, and what it is for.
    pub what: &'static str,
    /// SQL that brings it back, for when no process uses the database.
    pub fix: &'static str,
}

/// Whether a row is there, as SQL; and the row.
const REQUIRED: &[(&str, MissingRow)] = &[
    (
        "SELECT count(*) = 1 FROM changes",
        MissingRow {
            what: "the one row of the table changes, by which processes learn of each other's changes",
            // Above every number that was ever taken: a process may remember one.
            fix: "DELETE FROM changes; INSERT INTO changes (number) VALUES (1000 * unixepoch())",
        },
    ),
    (
        "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = 'tnt_00000000000000000000000000')",
        MissingRow {
            what: "the tenant default, in which a key manager without a root key creates its keys",
            fix: "INSERT INTO tenants (id, name, created_at) VALUES ('tnt_00000000000000000000000000', 'default', 0)",
        },
    ),
];

impl Rows<'_> {
    /// The rows that should be there and are not.
    pub(crate) fn missing(&self) -> Result<Vec<MissingRow>, Failure> {
        let mut missing = Vec::new();
        for (is_there, row) in REQUIRED {
            if !self.value(is_there, [])?.unwrap_or(false) {
                missing.push(row.clone());
            }
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
    fn a_required_row_that_is_gone_is_found_and_its_fix_brings_it_back() {
        let store = Store::in_memory().unwrap();
        let missing = || store.read_rows(|rows| rows.missing()).unwrap();
        assert!(missing().is_empty());
        for (table, (_, row)) in ["changes", "tenants"].iter().zip(REQUIRED) {
            store.with_writer_for_test(|connection| {
                connection.execute(&format!("DELETE FROM {table}"), []).unwrap();
            });
            assert_eq!(missing(), std::slice::from_ref(row));
            store.with_writer_for_test(|connection| connection.execute_batch(row.fix).unwrap());
            assert!(missing().is_empty());
        }
        // What it takes for granted works again.
        assert!(store.write(|tx| tx.add_tenant(crate::id::TenantId::from_bits(1), "a", 0)).is_ok());
    }
}
