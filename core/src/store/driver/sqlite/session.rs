//! Running statements on a connection.

use std::ops::ControlFlow;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, params_from_iter};

use crate::store::driver::{Failure, Field, Value};

/// A connection that runs statements, in its open transaction if it has one.
///
/// SQLite numbers parameters such as `$1` by their first occurrence in the text, so they must occur in order.
#[derive(Clone, Copy)]
pub(in crate::store::driver) struct Session<'a>(&'a Connection);

/// A row of a result.
pub(crate) struct Row<'a>(&'a rusqlite::Row<'a>);

impl<'a> Session<'a> {
    pub(super) fn on(connection: &'a Connection) -> Self {
        Self(connection)
    }

    /// Calls `each` with every row, until it returns `Break`.
    pub(in crate::store::driver) fn query(
        self,
        sql: &str,
        params: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, Failure>,
    ) -> Result<(), Failure> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            if each(&Row(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Runs a statement. Returns the number of changed rows.
    pub(in crate::store::driver) fn run(self, sql: &str, params: &[Value<'_>]) -> Result<usize, Failure> {
        Ok(self.prepare(sql)?.execute(params_from_iter(params))?)
    }

    fn prepare(self, sql: &str) -> Result<CachedStatement<'a>, Failure> {
        let statement = self.0.prepare_cached(sql)?;
        #[cfg(test)]
        for number in 1..=statement.parameter_count() {
            assert_eq!(statement.parameter_name(number), Some(&*format!("${number}")), "{sql}");
        }
        Ok(statement)
    }
}

impl Row<'_> {
    /// The number of columns.
    pub(in crate::store::driver) fn width(&self) -> usize {
        self.0.as_ref().column_count()
    }

    pub(in crate::store::driver) fn field(&self, column: usize) -> Result<Field<'_>, Failure> {
        Ok(match self.0.get_ref(column)? {
            ValueRef::Null => Field::Null,
            ValueRef::Integer(number) => Field::Integer(number),
            ValueRef::Text(text) => str::from_utf8(text).map_or(Field::Other, Field::Text),
            ValueRef::Blob(bytes) => Field::Bytes(bytes),
            ValueRef::Real(_) => Field::Other,
        })
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
