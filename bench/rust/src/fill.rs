//! Fills a database file with keys, faster than one durable commit for each.
//!
//! The first key is created as any is. The others are made in `memory:`; their digests and ids go into copies of the
//! first one's row, in one transaction.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use gatekeeper::blocking::Gatekeeper;
use rusqlite::Connection;

use crate::Result;
use crate::subject::new_key;

/// The number of keys after which a new memory database is used.
const AT_ONCE: usize = 100_000;

/// Creates `count` keys in the file and returns them.
pub fn fill(path: &Path, count: usize) -> Result<Vec<String>> {
    let (_, first) = new_key(&Gatekeeper::open(&format!("sqlite:{}", path.display()))?)?;
    let mut keys = Vec::with_capacity(count);
    keys.push(first);
    let mut connection = Connection::open(path)?;
    let insert = copy_of_first_row(&connection)?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(&insert)?;
        while keys.len() < count {
            let memory = Gatekeeper::open("memory:")?;
            for _ in 0..AT_ONCE.min(count - keys.len()) {
                let (id, key) = new_key(&memory)?;
                insert.execute((id, digest_of(&key)))?;
                keys.push(key);
            }
        }
    }
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(keys)
}

/// An `INSERT` of the first row with another id and digest, for any columns of the table.
fn copy_of_first_row(connection: &Connection) -> Result<String> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('api_keys')")?;
    let columns: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let values: Vec<&str> = columns
        .iter()
        .map(|column| match column.as_str() {
            "id" => "?1",
            "digest" => "?2",
            other => other,
        })
        .collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    Ok(format!("INSERT INTO api_keys ({columns}) SELECT {values} FROM api_keys WHERE rowid = 1"))
}

#[allow(clippy::disallowed_methods, reason = "the digest that a key's row has")]
fn digest_of(key: &str) -> Vec<u8> {
    digest(&SHA256, key.as_bytes()).as_ref().to_vec()
}
