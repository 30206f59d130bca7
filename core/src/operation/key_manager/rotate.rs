use serde::{Deserialize, Serialize};

use super::{no_such_key, now};
use crate::access::{Access, Context};
use crate::error::Result;
use crate::id::KeyId;
use crate::key::{self, Prefix};
use crate::operation::{GivenId, Method, Operation, Route, wire};
use crate::secret::Secret;

/// Gives a key another secret. Its id, its roles and what it has used stay; the old secret is dead at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// The key's id.
    #[serde(default)]
    pub id: GivenId,
}

/// The key with its new secret.
#[derive(Debug, Serialize)]
pub struct RotatedKey {
    /// Its id, as before.
    pub id: KeyId,
    /// The new key; it is not stored and cannot be shown again.
    #[serde(with = "wire")]
    pub apikey: Secret,
}

impl Operation for RotateKey {
    type Output = RotatedKey;
    const NAME: &'static str = "keyManager.rotateKey";
    const ROUTE: Route = Route::new(Method::Post, "/api/v1/keys/rotate", 200);
    const ACCESS: Access = Access::KeyManager;

    async fn run(self, context: &Context<'_>) -> Result<RotatedKey> {
        let id = self.id.get()?;
        let store = context.engine().store();
        let prefix = store.key_prefix(id, context.tenant())?.ok_or_else(no_such_key)?;
        let apikey = key::generate(&Prefix::new(prefix)?)?;
        store
            .replace_digest(id, context.tenant(), &apikey.digest(), now(context))?
            .ok_or_else(no_such_key)?;
        Ok(RotatedKey { id, apikey })
    }
}
