//! Snapshots and transactions. The files of `store/`, such as `store/keys.rs`, add the statements for each kind of row.

use std::ops::{ControlFlow, Deref};

use super::{Failure, FromField, Row, Session, Value};
use crate::error::Result;
use crate::ipc::Invalidation;
use crate::store::{Bounds, Part};

/// One snapshot of the records.
pub(crate) struct Rows<'a>(Session<'a>);

/// A transaction. When it succeeds, all its changes are on disk; when it fails, none of them is made.
pub(crate) struct Tx<'a> {
    rows: Rows<'a>,
    invalidations: Vec<Invalidation>,
}

impl<'a> Rows<'a> {
    /// The rows as statements of `session` see them.
    pub(super) fn of(session: Session<'a>) -> Self {
        Self(session)
    }
}

impl Rows<'_> {
    /// The first row, if there is one.
    pub(in crate::store) fn one<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let mut found = None;
        self.0.query(sql, params, |row| {
            found = Some(read(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Every row.
    pub(in crate::store) fn all<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        self.0.query(sql, params, |row| {
            all.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// The first rows, within `bounds`. `sql` must return one row more than `bounds` has, which shows that more rows
    /// follow.
    pub(in crate::store) fn within<T>(
        &self,
        bounds: Bounds,
        sql: &str,
        params: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Part<T>, Failure> {
        let mut part = Part { rows: Vec::new(), has_more: false };
        let mut bytes = 0_usize;
        self.0.query(sql, params, |row| {
            if part.rows.len() >= bounds.rows as usize || bytes >= bounds.bytes {
                part.has_more = true;
                return Ok(ControlFlow::Break(()));
            }
            bytes += row.size()?;
            part.rows.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(part)
    }

    /// The first column of the first row, if there is one and it is not NULL.
    pub(in crate::store) fn value<T: for<'r> FromField<'r>>(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Option<T>, Failure> {
        Ok(self.one(sql, params, |row| row.get(0))?.flatten())
    }
}

impl Row<'_> {
    /// A column.
    pub(in crate::store) fn get<'r, T: FromField<'r>>(&'r self, column: usize) -> Result<T, Failure> {
        T::from_field(self.field(column)?).ok_or_else(|| Failure::unreadable(column))
    }

    /// The size of the row in bytes.
    fn size(&self) -> Result<usize, Failure> {
        (0..self.width()).map(|column| Ok(self.field(column)?.size())).sum()
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = Rows<'a>;

    fn deref(&self) -> &Rows<'a> {
        &self.rows
    }
}

impl<'a> Tx<'a> {
    /// The transaction that `session` has begun.
    pub(super) fn of(session: Session<'a>) -> Self {
        Self { rows: Rows::of(session), invalidations: Vec::new() }
    }
}

impl Tx<'_> {
    /// Runs a statement. Returns the number of changed rows.
    pub(in crate::store) fn run(&self, sql: &str, params: &[Value<'_>]) -> Result<usize, Failure> {
        self.rows.0.run(sql, params)
    }

    /// Declares a change that can alter a verdict. It is published to every process before the transaction commits.
    pub(in crate::store) fn publish(&mut self, invalidation: Invalidation) {
        self.invalidations.push(invalidation);
    }

    /// The changes to publish.
    pub(super) fn into_invalidations(self) -> Vec<Invalidation> {
        self.invalidations
    }
}
