//! A key to be added, either created or imported.

use serde_json::{Map, Value};

use crate::authz::{Action, Ceiling, Context, Event, Reach, not_found};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::key::Prefix;
use crate::operation::field::to_text;
use crate::secret::Digest;
use crate::store::{Failure, KeyRecord, NewKey, Quota, Tx};

/// A key to be added, from a request that was checked.
pub(super) struct Draft {
    pub(super) prefix: Prefix,
    pub(super) name: Option<String>,
    pub(super) metadata: Option<Map<String, Value>>,
    /// The creation time, Unix milliseconds.
    pub(super) created_at: i64,
    pub(super) reach: Reach,
}

/// The digest that identifies a key.
pub(super) struct Known<'a> {
    pub(super) digest: &'a Digest,
    /// For an imported digest: the suffix that was hashed after the key.
    pub(super) hashed_suffix: Option<&'a str>,
}

impl Draft {
    /// Adds the key within the caller's own rights. Returns none if a key with this digest exists.
    pub(super) fn add(
        self,
        context: &Context<'_>,
        tx: &mut Tx<'_>,
        ceiling: &Ceiling,
        tenant: TenantId,
        known: &Known<'_>,
    ) -> Result<Option<KeyRecord>, Failure> {
        let reach = ceiling.admit(tx, self.reach)?;
        let id = KeyId::generate(context.clock())?;
        let metadata = self.metadata.as_ref().map(to_text);
        let new = NewKey {
            id,
            tenant,
            digest: known.digest,
            prefix: self.prefix.as_str(),
            roles: &reach.roles,
            owner_id: reach.owner_id.as_deref(),
            name: self.name.as_deref(),
            metadata: metadata.as_deref(),
            expires_at: reach.expires_at,
            created_at: self.created_at,
            scopes: &reach.scopes,
            quota: Quota { limit: reach.quota_limit, period: reach.quota_period.as_str() },
            hashed_suffix: known.hashed_suffix,
            created_by: context.creator(),
        };
        if !context.within_bounds(tx, tenant, |tx| tx.add_key(&new))? {
            return Ok(None);
        }
        let action = if known.hashed_suffix.is_some() { Action::KeyImported } else { Action::KeyCreated };
        context.audit(tx, Event::new(action).about(&id))?;
        Ok(Some(tx.key(id)?.ok_or_else(not_found)?))
    }
}
