use serde::{Deserialize, Serialize};

use super::{ApiKey, key_of, revoke_descendants};
use crate::authz::{Access, Action, Context, Event, TenantRef};
use crate::error::Result;
use crate::id::KeyId;
use crate::key::KeyStatus;
use crate::operation::{Method, Operation, Route};

/// Revokes a key for good, with every secret it has. The next verification rejects it, in every process. The key is
/// still listed. With `descendants`, the keys that it created, directly or through other keys, are revoked in the
/// same step, even if this key was revoked before.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeApiKey {
    /// The key's id.
    pub id: KeyId,
    /// Whether to revoke the keys that it created too. Defaults to no: they stay valid until they expire or are
    /// revoked.
    #[serde(default)]
    pub descendants: bool,
}

impl RevokeApiKey {
    /// Revokes this key only.
    #[must_use]
    pub fn new(id: KeyId) -> Self {
        Self { id, descendants: false }
    }
}

impl Operation for RevokeApiKey {
    type Checked = Self;
    type Output = ApiKey;
    const NAME: &'static str = "keys.revoke";
    const ROUTE: Route = Route::new(Method::Delete, "/v1/keys/{id}", 200);
    const ACCESS: Access = Access::Tenant("keys:write");
    const POSITIONAL: &'static [&'static str] = &["id"];

    fn tenant(&self) -> TenantRef {
        TenantRef::OfKey(self.id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<ApiKey> {
        let now = context.now();
        let key = context.write(|tx, context| {
            let mut key = key_of(context, tx, request.id)?;
            let revoked = KeyStatus::Revoked.as_stored();
            if key.status != revoked {
                revoked.clone_into(&mut key.status);
                key.updated_at = now;
                tx.update_key(&key, now)?;
                context.audit(tx, Event::new(Action::KeyRevoked).about(&request.id))?;
            }
            if request.descendants {
                revoke_descendants(context, tx, &key)?;
            }
            Ok(key)
        })?;
        ApiKey::new(key, now)
    }
}
