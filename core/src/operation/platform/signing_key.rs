use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::authz::{Access, Action, Context, Event};
use crate::error::Result;
use crate::identity::Signers;
use crate::operation::{Method, Operation, Route};

/// Creates a new signing key, of the algorithm that tokens are signed with. It is published in the JWK Set at once
/// and starts to sign after 310 seconds, when every verifier that caches the JWK Set has fetched it. Tokens signed
/// by the previous key stay valid until they expire. Keys that were sealed with another secret of this database,
/// and so cannot be opened any more, are deleted. The call is rejected while running processes sign with another
/// algorithm.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateSigningKey {
    /// Whether the new key signs at once, in every process within a minute. For emergencies: verifiers reject its
    /// tokens until they fetch the JWK Set again. Defaults to no.
    #[serde(default)]
    pub activate_now: bool,
}

/// A new signing key. Its public half is in the JWK Set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewSigningKey {
    /// The key's `kid` in the JWK Set and in the header of tokens.
    pub kid: String,
    /// The algorithm: `EdDSA` or `RS256` (RFC 7518 §3.1, RFC 8037 §3.1).
    pub algorithm: String,
    /// When the key was created, Unix milliseconds.
    pub created_at: i64,
    /// When the key starts to sign tokens, Unix milliseconds.
    pub signs_from: i64,
}

impl Operation for RotateSigningKey {
    type Checked = Self;
    type Output = NewSigningKey;
    const NAME: &'static str = "platform.rotateSigningKey";
    const ROUTE: Route = Route::new(Method::Post, "/v1/platform/signing-keys/rotate", 201);
    const ACCESS: Access = Access::Operator;

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<NewSigningKey> {
        let ring = context.keyring()?;
        let new = Signers::generate(ring, request.activate_now)?;
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
