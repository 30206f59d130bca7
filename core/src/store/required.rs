//! Rows that operations rely on. Every database has them from the beginning.

use super::{Failure, Rows};

/// A missing row that operations rely on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingRow {
    /// The row, and its purpose.
    pub what: &'static str,
    /// SQL that restores the row, to be run while no process uses the database.
    pub fix: &'static str,
}

/// The required rows, each with an SQL condition that is true if it exists.
const REQUIRED: &[(&str, MissingRow)] = &[
    (
        "SELECT count(*) = 1 FROM changes",
        MissingRow {
            what: "the one row of the table changes, by which processes learn of each other's changes",
            // Above every number that was ever used: a process may have cached one.
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
    /// The required rows that are missing.
    pub(crate) fn missing(&self) -> Result<Vec<MissingRow>, Failure> {
        let mut missing = Vec::new();
        for (is_there, row) in REQUIRED {
            if !self.value(is_there, &[])?.unwrap_or(false) {
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
    fn a_missing_required_row_is_found_and_its_fix_restores_it() {
        let store = Store::in_memory().unwrap();
        let missing = || store.read_rows(|rows| rows.missing()).unwrap();
        assert!(missing().is_empty());
        for (table, (_, row)) in ["changes", "tenants"].iter().zip(REQUIRED) {
            store.run_script(&format!("DELETE FROM {table}"));
            assert_eq!(missing(), std::slice::from_ref(row));
            store.run_script(row.fix);
            assert!(missing().is_empty());
        }
        // Operations that rely on it work again.
        assert!(store.write(|tx| tx.add_tenant(crate::id::TenantId::from_bits(1), "a", 0)).is_ok());
    }
}
