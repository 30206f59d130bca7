//! Values and transactions.

use super::{TENANT, add_key, add_tenant, digest, key_id};
use crate::error::GatekeeperError;
use crate::store::driver::params;
use crate::store::{Bounds, MissingRow, Store};

const WRITE: &str =
    "INSERT INTO signing_keys (id, algorithm, private_key, public_key, created_at, retired_at, signs_from)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

pub(super) fn values_are_read_as_they_were_written(store: &Store) {
    let texts = ["", "plain", "quoted ' \" \\ $1 ? %", "ünïcødé \u{10ffff}"];
    let bytes = [vec![], vec![0, 1, 255], vec![7; 100_000], b"text".to_vec()];
    let numbers = [0, -1, i64::MIN, i64::MAX];
    for (index, ((text, bytes), number)) in texts.iter().zip(&bytes).zip(numbers).enumerate() {
        let id = index.to_string();
        let read = store.write(|tx| {
            tx.run(WRITE, params![id, text, bytes, text, number, None::<i64>, true])?;
            tx.one(
                "SELECT algorithm, private_key, created_at, retired_at, signs_from FROM signing_keys WHERE id = $1",
                params![id],
                |row| {
                    let read: (String, Vec<u8>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let (none, yes): (Option<i64>, bool) = (row.get(3)?, row.get(4)?);
                    Ok((read, none, yes))
                },
            )
        });
        let expected = ((*text).to_owned(), bytes.clone(), number);
        assert_eq!(read.unwrap(), Some((expected, None, true)));
    }
}

pub(super) fn a_transaction_that_fails_leaves_nothing(store: &Store) {
    let failed = store.write(|tx| {
        tx.add_tenant(TENANT, "Acme", 1)?;
        Err::<(), _>(GatekeeperError::bad_request("no").into())
    });
    assert_eq!(failed.unwrap_err().message(), "no");
    // A statement that fails ends the transaction, too.
    let twice = store.write(|tx| {
        tx.add_tenant(TENANT, "Acme", 1)?;
        tx.add_tenant(TENANT, "Acme", 1)
    });
    assert_eq!(twice.unwrap_err().status(), 503);
    assert!(store.read_rows(|rows| rows.tenant(TENANT)).unwrap().is_none());
    add_tenant(store);
    assert!(store.read_rows(|rows| rows.tenant(TENANT)).unwrap().is_some());
}

pub(super) fn a_change_returns_the_number_of_changed_rows(store: &Store) {
    add_tenant(store);
    let changed = store.write(|tx| {
        let all = tx.run("UPDATE tenants SET name = $1", params!["same"])?;
        let one = tx.run("UPDATE tenants SET name = $1 WHERE id = $2", params!["same", TENANT])?;
        let none = tx.run("UPDATE tenants SET name = $1 WHERE id = $2", params!["same", "none"])?;
        Ok((all, one, none))
    });
    assert_eq!(
        changed.unwrap(),
        (2, 1, 0),
        "rows that keep their values count, and those of triggers do not"
    );
}

pub(super) fn a_part_ends_at_its_bounds_and_reports_whether_more_rows_follow(store: &Store) {
    add_tenant(store);
    for number in 1..=3 {
        add_key(store, number, |_| ());
    }
    let read = |rows, bytes| {
        let part = store.read_rows(|read| read.keys(TENANT, None, Bounds { rows, bytes })).unwrap();
        (part.rows.len(), part.has_more)
    };
    assert_eq!(read(2, usize::MAX), (2, true));
    assert_eq!(read(3, usize::MAX), (3, false));
    assert_eq!(read(9, usize::MAX), (3, false));
    assert_eq!(read(9, 1), (1, true), "one row at least");
}

pub(super) fn a_value_of_another_type_is_an_error_without_the_value(store: &Store) {
    add_tenant(store);
    store.write(|tx| tx.run("UPDATE tenants SET quota_period = $1", params!["canary"])).unwrap();
    let read = store.read_rows(|rows| rows.value::<i64>("SELECT quota_period FROM tenants", &[]));
    let error = read.unwrap_err();
    assert_eq!(error.status(), 503);
    assert!(!format!("{error:?}").contains("canary"));
}

pub(super) fn a_change_that_alters_a_verdict_is_published_and_another_is_not(store: &Store) {
    let counters = &store.open_shared().unwrap().version_counters;
    add_tenant(store);
    let before = counters.of_unknown(&digest(1));
    add_key(store, 1, |_| ());
    let added = counters.of_unknown(&digest(1));
    assert!(added > before);
    let read = store.key_by_digest(&digest(1), counters).unwrap();
    assert!(read.found.is_some() && read.number >= added, "what is read is as new as what was published");

    let known = counters.of_known(&digest(1));
    store.write(|tx| tx.rename_tenant(TENANT, "Other")).unwrap();
    assert_eq!(counters.of_known(&digest(1)), known);
    store.write(|tx| tx.delete_key(key_id(1))).unwrap();
    assert!(counters.of_known(&digest(1)) > known);
    let failed = store.write(|tx| {
        tx.delete_key(key_id(2))?;
        Err::<(), _>(GatekeeperError::bad_request("no").into())
    });
    assert!(failed.is_err());
    let read = store.key_by_digest(&digest(1), counters).unwrap();
    assert!(read.found.is_none() && read.number >= counters.of_known(&digest(1)));
}

pub(super) fn the_rows_that_operations_rely_on_are_there(store: &Store) {
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
    let missing = store.read_rows(|rows| rows.missing()).unwrap();
    assert_eq!(missing, Vec::<MissingRow>::new());
}
