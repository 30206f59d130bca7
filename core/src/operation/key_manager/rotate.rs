use serde::{Deserialize, Serialize};

use super::change_living_key;
use crate::authz::{Access, Context};
use crate::error::Result;
use crate::id::KeyId;
use crate::operation::keys::new_secret;
use crate::operation::{ExposeSecret, LenientKeyId, Method, Operation, Route};
use crate::secret::Secret;

/// Replaces the secret of a key. Its id, its roles and its counted requests stay the same. The old secret is
/// revoked at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// The key's id.
    #[serde(default)]
    pub id: LenientKeyId,
}

/// A key with its new secret.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RotatedKey {
    /// The key's id, unchanged.
    pub id: KeyId,
    /// The new secret. It is not stored and cannot be shown again.
    #[serde(with = "ExposeSecret")]
    pub apikey: Secret,
}

impl Operation for RotateKey {
    type Checked = KeyId;
    type Output = RotatedKey;
    const NAME: &'static str = "keyManager.rotateKey";
    const ROUTE: Route = Route::new(Method::Post, "/api/v1/keys/rotate", 200);
    const ACCESS: Access = Access::KeyManager;

    fn check(self) -> Result<KeyId> {
        self.id.get()
    }

    fn run(id: KeyId, context: &Context<'_>) -> Result<RotatedKey> {
        let now = context.now();
        let apikey = change_living_key(context, id, |tx, key| new_secret(context, tx, &key, None, now))?;
        Ok(RotatedKey { id, apikey })
    }
}
