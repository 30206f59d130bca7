use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::access::{Access, Context, Event};
use crate::error::Result;
use crate::identity::Signers;
use crate::operation::{Method, Operation, Route};

/// Makes a new signing key of the algorithm that this place signs with. It signs from now on; other processes follow
/// within a minute. Tokens that the one before has signed are good until they end. Keys that do not open with the secret
/// of this database, because it was changed, are removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateSigningKey {}

/// A signing key, made just now. Its public half is in the JWK Set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewSigningKey {
    /// Its `kid` in the JWK Set and in the header of tokens.
    pub kid: String,
    /// `EdDSA` or `RS256` (RFC 7518 §3.1, RFC 8037 §3.1).
    pub algorithm: String,
    /// Unix milliseconds.
    pub created_at: i64,
}

impl Operation for RotateSigningKey {
    type Output = NewSigningKey;
    const NAME: &'static str = "platform.rotateSigningKey";
    const ROUTE: Route = Route::new(Method::Post, "/v1/platform/signing-keys/rotate", 201);
    const ACCESS: Access = Access::Operator;

    async fn run(self, context: &Context<'_>) -> Result<NewSigningKey> {
        let ring = context.keyring()?;
        let new = Signers::generate(ring)?;
        context.write(|tx, context| {
            Signers::replace_with(&new, ring, tx)?;
            let said = Map::from_iter([("algorithm".to_owned(), json!(new.algorithm))]);
            context.audit(tx, Event::new("signing_key.rotated").about(&new.id).with(Some(said)))
        })?;
        context.signers().forget();
        Ok(NewSigningKey { kid: new.id, algorithm: new.algorithm, created_at: new.created_at })
    }
}
