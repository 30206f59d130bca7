//! Records as plain rows. Judges nothing.
//!
//! Every change that can alter a verdict takes the next *change number* in its own transaction, and announces it to all
//! who share the database before it commits. What is read carries the number of its snapshot.

mod sqlite;

use crate::id::{KeyId, TenantId};
use crate::secret::Digest;

pub(crate) use sqlite::Store;

/// The tenant of keys that a key manager creates without a root key; every database has it.
pub(crate) const DEFAULT_TENANT: TenantId = TenantId::from_bits(0);

/// A new API key.
pub(crate) struct NewKey<'a> {
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) digest: &'a Digest,
    pub(crate) prefix: &'a str,
    pub(crate) roles: &'a [String],
    pub(crate) owner_id: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    /// A JSON object.
    pub(crate) metadata: Option<&'a str>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) created_at: i64,
}

/// What verification reads of a key.
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) owner_id: Option<String>,
    /// Sorted by bytes, each once.
    pub(crate) roles: Vec<String>,
    pub(crate) expires_at: Option<i64>,
}

/// Something read, and the change number of the snapshot it was read from.
pub(crate) struct AsOf<T> {
    pub(crate) number: u64,
    pub(crate) found: T,
}
