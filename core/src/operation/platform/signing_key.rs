use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::authz::{Access, Action, Context, Event};
use crate::error::Result;
use crate::identity::Signers;
use crate::operation::{Method, Operation, Route};

/// Makes a new signing key of the algorithm that tokens are signed with. It is published at once, and signs when every
/// verifier that keeps the JWK Set for as long as it may has read it: after 310 seconds. Tokens that the one before has
/// signed stay valid until they end. Keys that do not open with the secret of this database, because it was changed, are
/// removed. While running processes sign with another algorithm than this one, the call is rejected.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateSigningKey {
    /// Whether the new key signs at once, in every process within a minute: for emergencies, since verifiers reject its
    /// tokens until they read the JWK Set again. Defaults to no.
    #[serde(default)]
    pub activate_now: bool,
}

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
    /// From when on tokens are signed with it, Unix milliseconds.
    pub signs_from: i64,
}

impl Operation for RotateSigningKey {
    type Output = NewSigningKey;
    const NAME: &'static str = "platform.rotateSigningKey";
    const ROUTE: Route = Route::new(Method::Post, "/v1/platform/signing-keys/rotate", 201);
    const ACCESS: Access = Access::Operator;

    async fn run(self, context: &Context<'_>) -> Result<NewSigningKey> {
        let ring = context.keyring()?;
        let new = Signers::generate(ring, self.activate_now)?;
        context.write(|tx, context| {
            Signers::replace_with(&new, ring, tx)?;
            let said = Map::from_iter([
                ("algorithm".to_owned(), json!(new.algorithm)),
                ("signsFrom".to_owned(), json!(new.signs.from)),
            ]);
            context.audit(tx, Event::new(Action::SigningKeyRotated).about(&new.id).with(Some(said)))
        })?;
        context.signers().forget();
        Ok(NewSigningKey {
            kid: new.id,
            algorithm: new.algorithm,
            created_at: new.created_at,
            signs_from: new.signs.from,
        })
    }
}
