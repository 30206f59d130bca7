use serde::{Deserialize, Serialize};

use super::change_key;
use crate::authz::{Access, Action, Context, Event};
use crate::error::Result;
use crate::id::KeyId;
use crate::operation::keys::revoke_descendants;
use crate::operation::{LenientKeyId, Method, Operation, Route};

/// Deletes a key. The next verification rejects it, in every process. Keys that it created are revoked too: their
/// usage counts against the quota of the deleted key, which no longer exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteKey {
    /// The key's id.
    #[serde(default)]
    pub id: LenientKeyId,
}

/// The result of a deletion.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DeletedKey {
    /// The id of the deleted key.
    pub id: KeyId,
}

impl Operation for DeleteKey {
    type Checked = KeyId;
    type Output = DeletedKey;
    const NAME: &'static str = "keyManager.deleteKey";
    const ROUTE: Route = Route::new(Method::Delete, "/api/v1/keys", 200);
    const ACCESS: Access = Access::KeyManager;

    fn check(self) -> Result<KeyId> {
        self.id.get()
    }

    fn run(id: KeyId, context: &Context<'_>) -> Result<DeletedKey> {
        change_key(context, id, |tx, key| {
            revoke_descendants(context, tx, &key)?;
            tx.delete_key(id)?;
            context.audit(tx, Event::new(Action::KeyDeleted).of_tenant(key.tenant_id).about(&id))
        })?;
        Ok(DeletedKey { id })
    }
}
