use serde::{Deserialize, Serialize};

use super::{ApiKey, CreatedApiKey, changeable};
use crate::authz::{Access, Action, Context, Event, TenantRef};
use crate::error::Result;
use crate::id::KeyId;
use crate::key::{self, KeyStatus, Prefix};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};
use crate::secret::Secret;
use crate::store::{Failure, KeyRecord, Tx};
use crate::whole::Range;

/// How long the old secret stays valid, in seconds.
enum Grace {}

impl Range for Grace {
    const MIN: i64 = 0;
    const MAX: i64 = 30 * 24 * 60 * 60;
    const NOTE: &'static str = " (30 days)";
}

/// Replaces the secret of a key. Its id and all other fields stay the same. The old secret stays valid for the
/// grace period, but not longer than the key itself. A secret that was replaced earlier is rejected at once, and so
/// is the old secret of a disabled key. The caller must have all rights of the key; an API key cannot rotate
/// itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateApiKey {
    /// The key's id.
    pub id: KeyId,
    /// The grace period in seconds: 0 to 2,592,000 (30 days). Defaults to 0: the old secret is revoked at once.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Grace>))]
    #[serde(default, deserialize_with = "Grace::read")]
    pub grace_seconds: u32,
}

impl Operation for RotateApiKey {
    type Checked = Self;
    type Output = CreatedApiKey;
    const NAME: &'static str = "keys.rotate";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys/{id}/rotate", 200);
    const ACCESS: Access = Access::Tenant("keys:write");
    const POSITIONAL: &'static [&'static str] = &["id"];

    fn tenant(&self) -> TenantRef {
        TenantRef::OfKey(self.id)
    }

    fn check(self) -> Result<Self> {
        Grace::check("graceSeconds", Some(self.grace_seconds))?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<CreatedApiKey> {
        let now = context.now();
        let until = now.saturating_add(i64::from(request.grace_seconds) * 1000);
        let (key, plain_text_key) = context.write(|tx, context| {
            let mut key = changeable(context, tx, &context.ceiling(tx)?, request.id)?;
            let is_active = key.status == KeyStatus::Active.as_stored();
            let end = key.expires_at.map_or(until, |end| end.min(until));
            let old_until = (is_active && request.grace_seconds > 0).then_some(end);
            let plain_text_key = new_secret(context, tx, &key, old_until, now)?;
            key.updated_at = now;
            Ok((key, plain_text_key))
        })?;
        Ok(CreatedApiKey { api_key: ApiKey::new(key, now)?, plain_text_key })
    }
}

/// Gives a key a new secret. The old one is valid until `old_until`, Unix ms, or revoked at once.
pub(in crate::operation) fn new_secret(
    context: &Context<'_>,
    tx: &mut Tx<'_>,
    key: &KeyRecord,
    old_until: Option<i64>,
    now: i64,
) -> Result<Secret, Failure> {
    let secret = key::generate(&Prefix::wide(key.prefix.clone())?)?;
    tx.replace_digest(key.id, &secret.digest(), old_until, now)?;
    context.audit(tx, Event::new(Action::KeyRotated).of_tenant(key.tenant_id).about(&key.id))?;
    Ok(secret)
}
