//! Helpers for tests that need SQL of their own.

use rusqlite::types::Null;
use rusqlite::{Connection, params_from_iter};

use super::session::Session;
use crate::store::Store;
use crate::store::driver::{FromField, Rows};

impl Store {
    /// Runs statements without publishing a change, as another program would.
    pub(crate) fn run_script(&self, sql: &str) {
        self.with_open_writer(|connection| connection.execute_batch(sql).unwrap());
    }

    /// The first column of the first row of a result.
    pub(crate) fn value_of<T: for<'r> FromField<'r>>(&self, sql: &str) -> T {
        self.with_open_writer(|connection| {
            Rows::of(Session::on(connection)).value(sql, &[]).unwrap().unwrap()
        })
    }

    fn with_open_writer<T>(&self, run: impl FnOnce(&Connection) -> T) -> T {
        run(&self.writer.try_lock().unwrap().as_ref().unwrap().connection)
    }
}

/// The query plan of a statement.
pub(in crate::store) fn plan(sql: &str) -> Vec<String> {
    let store = Store::in_memory().unwrap();
    store
        .with_writer(|connection| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let parameters = vec![Null; statement.parameter_count()];
            let mut rows = statement.query(params_from_iter(parameters))?;
            let mut steps = Vec::new();
            while let Some(row) = rows.next()? {
                steps.push(row.get(3)?);
            }
            Ok(steps)
        })
        .unwrap()
}
