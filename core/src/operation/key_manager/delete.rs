use serde::{Deserialize, Serialize};

use super::change_key;
use crate::authz::{Access, Action, Context, Event};
use crate::error::Result;
use crate::id::KeyId;
use crate::operation::keys::revoke_descendants;
use crate::operation::{LenientKeyId, Method, Operation, Route};

/// Deletes a key: the next verification rejects it, in every process. The keys that it created are revoked with it, for
/// their use could not be counted as its own any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteKey {
    /// The key's id.
    #[serde(default)]
    pub id: LenientKeyId,
}

/// The key that was deleted.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeletedKey {
    /// Its id.
    pub id: KeyId,
}

impl Operation for DeleteKey {
    type Output = DeletedKey;
    const NAME: &'static str = "keyManager.deleteKey";
    const ROUTE: Route = Route::new(Method::Delete, "/api/v1/keys", 200);
    const ACCESS: Access = Access::KeyManager;

    async fn run(self, context: &Context<'_>) -> Result<DeletedKey> {
        let id = self.id.get()?;
        change_key(context, id, |tx, key| {
            revoke_descendants(context, tx, &key)?;
            tx.delete_key(id)?;
            context.audit(tx, Event::new(Action::KeyDeleted).of_tenant(key.tenant_id).about(&id))
        })?;
        Ok(DeletedKey { id })
    }
}
