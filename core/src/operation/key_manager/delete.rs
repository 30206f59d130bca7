use serde::{Deserialize, Serialize};

use super::change_key;
use crate::access::{Access, Context, Event};
use crate::error::Result;
use crate::id::KeyId;
use crate::operation::{GivenId, Method, Operation, Route};

/// Deletes a key: the next verification refuses it, in every process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteKey {
    /// The key's id.
    #[serde(default)]
    pub id: GivenId,
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
            tx.delete_key(id)?;
            context.audit(tx, Event::new("key.deleted").of_tenant(key.tenant_id).about(&id))
        })?;
        Ok(DeletedKey { id })
    }
}
