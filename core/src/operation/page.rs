//! Paged lists. Each page has an opaque, authenticated cursor that leads to the next one.

use serde::{Deserialize, Serialize};

use crate::authz::Context;
use crate::error::{GatekeeperError, Result};
use crate::id::{Id, Kind};
use crate::operation::field::MAX_ITEMS;
use crate::store::{Bounds, Part};

/// The default number of items on a page.
const DEFAULT_ITEMS: u32 = 50;
/// The maximum size of a page, in bytes of its rows. The item that reaches it is the last one, whatever `limit` is.
const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Page<T> {
    /// The items: at most `limit`, and fewer if they would exceed 1 MiB together.
    pub items: Vec<T>,
    /// The `cursor` of the next page; none on the last page.
    pub next_cursor: Option<String>,
}

/// A list that is returned in pages. Its name says what it lists and for which tenant or user, so that a cursor is
/// valid for no other list.
pub(super) struct List<'a> {
    context: &'a Context<'a>,
    name: String,
    pub(super) limit: u32,
}

impl<'a> List<'a> {
    /// A list whose pages have `limit` items: clamped to 1 to 100, 50 by default.
    pub(super) fn new(context: &'a Context<'_>, name: String, limit: Option<u32>) -> Self {
        Self { context, name, limit: limit.unwrap_or(DEFAULT_ITEMS).clamp(1, MAX_ITEMS) }
    }

    /// One more than `limit`: if that many rows are found, there is a next page.
    pub(super) fn limit_and_one(&self) -> u32 {
        self.limit + 1
    }

    /// The bounds of one page of a list whose items can be large.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds { rows: self.limit, bytes: MAX_PAGE_BYTES }
    }

    /// The item after which the page begins, from its cursor.
    pub(super) fn after<K: Kind>(&self, cursor: Option<&str>) -> Result<Option<Id<K>>> {
        let Some(cursor) = cursor else { return Ok(None) };
        let position = self.context.vault()?.position_of(&self.name, cursor);
        position.map(|bits| Some(Id::from_bits(bits))).ok_or_else(|| {
            GatekeeperError::bad_request("cursor must be an unmodified nextCursor of this list")
        })
    }

    /// The page of these rows. They are one more than `limit` if there is a next page.
    pub(super) fn page<R, K: Kind, T>(
        &self,
        mut rows: Vec<R>,
        id: impl Fn(&R) -> Id<K>,
        mut item: impl FnMut(R) -> T,
    ) -> Result<Page<T>> {
        let limit = self.limit as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        self.page_of(Part { rows, has_more }, id, |row| Ok(item(row)))
    }

    /// The page of these rows, which were read within [`bounds`](Self::bounds).
    pub(super) fn page_of<R, K: Kind, T>(
        &self,
        part: Part<R>,
        id: impl Fn(&R) -> Id<K>,
        item: impl FnMut(R) -> Result<T>,
    ) -> Result<Page<T>> {
        let last = part.rows.last().filter(|_| part.has_more).map(id);
        let next_cursor = last.map(|last| self.cursor(last)).transpose()?;
        Ok(Page { items: part.rows.into_iter().map(item).collect::<Result<_>>()?, next_cursor })
    }

    /// The cursor of the page that begins after this item.
    pub(super) fn cursor<K: Kind>(&self, last: Id<K>) -> Result<String> {
        Ok(self.context.vault()?.cursor(&self.name, last.bits()))
    }
}
