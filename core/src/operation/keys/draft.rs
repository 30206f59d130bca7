//! A key to be added, either created or imported.

use serde_json::{Map, Value};

use crate::authz::{Action, Ceiling, Context, Event, Reach};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::key::{KeyStatus, Prefix};
use crate::operation::field::{end_of_life, to_text};
use crate::secret::Digest;
use crate::store::{Failure, KeyRecord, NewKey, Quota, Tx};

/// A key to be added, from a request that was checked.
#[derive(Debug)]
pub struct Draft {
    pub(in crate::operation) prefix: Prefix,
    pub(in crate::operation) name: Option<String>,
    pub(in crate::operation) metadata: Option<Map<String, Value>>,
    pub(in crate::operation) expires_in_seconds: Option<u64>,
    /// What the key may do. The time of its expiry is set when it is added.
    pub(in crate::operation) reach: Reach,
}

/// The digest that identifies a key.
pub(in crate::operation) struct Known<'a> {
    pub(in crate::operation) digest: &'a Digest,
    /// For an imported digest: the suffix that was hashed after the key.
    pub(in crate::operation) hashed_suffix: Option<&'a str>,
}

impl Draft {
    /// Adds the key within the caller's own rights, created at `now`, Unix milliseconds. Returns none if a key with this
    /// digest exists.
    pub(in crate::operation) fn add(
        self,
        context: &Context<'_>,
        tx: &mut Tx<'_>,
        ceiling: &Ceiling,
        tenant: TenantId,
        known: &Known<'_>,
        now: i64,
    ) -> Result<Option<KeyRecord>, Failure> {
        let Self { prefix, name, metadata, expires_in_seconds, reach } = self;
        let expires_at = expires_in_seconds.map(|seconds| end_of_life(now, seconds));
        let reach = ceiling.admit(tx, Reach { expires_at, ..reach })?;
        let key = KeyRecord {
            id: KeyId::generate(context.clock())?,
            tenant_id: tenant,
            owner_id: reach.owner_id,
            created_by: Some(context.creator()),
            prefix: prefix.as_str().to_owned(),
            name,
            scopes: reach.scopes,
            roles: reach.roles,
            status: KeyStatus::Active.as_stored().to_owned(),
            quota_limit: reach.quota_limit,
            quota_period: reach.quota_period.as_str().to_owned(),
            metadata: metadata.as_ref().map(to_text),
            expires_at: reach.expires_at,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        };
        let new = NewKey {
            id: key.id,
            tenant,
            digest: known.digest,
            prefix: &key.prefix,
            roles: &key.roles,
            owner_id: key.owner_id.as_deref(),
            name: key.name.as_deref(),
            metadata: key.metadata.as_deref(),
            expires_at: key.expires_at,
            created_at: now,
            scopes: &key.scopes,
            quota: Quota { limit: key.quota_limit, period: &key.quota_period },
            hashed_suffix: known.hashed_suffix,
            created_by: context.creator(),
        };
        if !context.within_bounds(tx, tenant, |tx| tx.add_key(&new))? {
            return Ok(None);
        }
        let action = if known.hashed_suffix.is_some() { Action::KeyImported } else { Action::KeyCreated };
        context.audit(tx, Event::new(action).of_tenant(tenant).about(&key.id))?;
        Ok(Some(key))
    }
}
