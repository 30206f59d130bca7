//! The schema, by version. A database of a later version is rejected; an earlier one is migrated.

use rusqlite::{Connection, TransactionBehavior};

use super::Error;
use crate::store::driver::Failure;

/// The mark of our databases: "gkpr" in SQLite's `application_id`.
const APPLICATION_ID: i32 = 0x676b_7072;

/// The migrations from the first version on. SQLite's `user_version` counts those applied.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_tenants_and_keys.sql"),
    include_str!("../../migrations/sqlite/0002_announced_changes.sql"),
    include_str!("../../migrations/sqlite/0003_accounts_and_usage.sql"),
    include_str!("../../migrations/sqlite/0004_key_creators.sql"),
    include_str!("../../migrations/sqlite/0005_suffixes_of_live_keys.sql"),
    include_str!("../../migrations/sqlite/0006_wrong_passwords.sql"),
    include_str!("../../migrations/sqlite/0007_default_tenant.sql"),
    include_str!("../../migrations/sqlite/0008_restore_epoch.sql"),
    include_str!("../../migrations/sqlite/0009_removed_tenants.sql"),
    include_str!("../../migrations/sqlite/0010_published_signing_keys.sql"),
    include_str!("../../migrations/sqlite/0011_pruned_rows.sql"),
    include_str!("../../migrations/sqlite/0012_tenant_sizes.sql"),
];

/// Checks that the database is ours or empty, before anything is written to it.
pub(super) fn identify(connection: &Connection) -> Result<(), Failure> {
    // Both from one snapshot: another process may be creating the database.
    let snapshot = connection.unchecked_transaction()?;
    let owner: i32 = snapshot.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let empty: bool = snapshot.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    if owner == APPLICATION_ID || (owner == 0 && empty) { Ok(()) } else { Err(Error::Foreign.into()) }
}

/// Applies the missing `migrations` in one transaction.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), Failure> {
    if version(connection)? == migrations.len() {
        return Ok(());
    }
    // Another process may be migrating: check again while holding the lock.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied = version(&transaction)?;
    let Some(missing) = migrations.get(applied..) else {
        return Err(Error::Newer { found: applied, known: migrations.len() }.into());
    };
    // A migration is compiled against the schema that the connection has cached; this query makes it read the
    // schema again.
    transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(migrations.len()).unwrap_or(i64::MAX))?;
    Ok(transaction.commit()?)
}

/// Whether the database lacks a migration of this version. That happens to an open database when a backup of an
/// earlier version is restored.
pub(super) fn is_outdated(connection: &Connection) -> Result<bool, Failure> {
    Ok(version(connection)? < MIGRATIONS.len())
}

/// # Errors
/// `Newer` for a database of a later version; `Foreign` for an empty one.
pub(super) fn check_version(connection: &Connection) -> Result<(), Failure> {
    match version(connection)? {
        0 => Err(Error::Foreign.into()),
        found if found > MIGRATIONS.len() => Err(Error::Newer { found, known: MIGRATIONS.len() }.into()),
        _ => Ok(()),
    }
}

fn version(connection: &Connection) -> Result<usize, Failure> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version).map_err(|_| Error::Foreign.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE a (x BIGINT)";
    const SECOND: &str = "ALTER TABLE a ADD COLUMN y BIGINT";

    #[test]
    fn an_older_database_is_migrated_and_keeps_its_rows() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST]).unwrap();
        connection.execute("INSERT INTO a VALUES (7)", []).unwrap();
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        let row = connection.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(row, Ok((7, None::<i64>)));
    }

    #[test]
    fn a_migration_that_fails_leaves_the_database_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST]).unwrap();
        assert!(migrate(&mut connection, &[FIRST, SECOND, "nonsense"]).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        assert!(connection.prepare("SELECT y FROM a").is_err());
    }

    #[test]
    fn a_newer_database_is_rejected() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        let rejected = migrate(&mut connection, &[FIRST]);
        assert!(matches!(rejected, Err(Failure::Engine(Error::Newer { found: 2, known: 1 }))));
    }

    #[test]
    fn a_database_of_another_program_is_rejected() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(identify(&connection), Err(Failure::Engine(Error::Foreign))));
    }
}
