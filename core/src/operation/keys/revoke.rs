use serde::{Deserialize, Serialize};

use super::{ApiKey, key_of};
use crate::access::{Access, Context, Event, TenantRef};
use crate::error::Result;
use crate::id::KeyId;
use crate::key::KeyStatus;
use crate::operation::{Method, Operation, Route};

/// Ends a key for ever, with every secret it has: the next verification refuses it, in every process. It stays listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeApiKey {
    /// Its id.
    pub id: KeyId,
}

impl Operation for RevokeApiKey {
    type Output = ApiKey;
    const NAME: &'static str = "keys.revoke";
    const ROUTE: Route = Route::new(Method::Delete, "/v1/keys/{id}", 200);
    const ACCESS: Access = Access::Tenant("keys:write");
    const POSITIONAL: &'static [&'static str] = &["id"];

    fn tenant(&self) -> TenantRef {
        TenantRef::OfKey(self.id)
    }

    async fn run(self, context: &Context<'_>) -> Result<ApiKey> {
        let now = context.now();
        let key = context.write(|tx, context| {
            let mut key = key_of(context, tx, self.id)?;
            let revoked = KeyStatus::Revoked.as_stored();
            if key.status != revoked {
                revoked.clone_into(&mut key.status);
                key.updated_at = now;
                tx.update_key(&key, now)?;
                context.audit(tx, Event::new("key.revoked").about(&self.id))?;
            }
            Ok(key)
        })?;
        ApiKey::new(key, now)
    }
}
