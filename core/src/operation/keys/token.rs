use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::authz::{Access, Context, forbidden};
use crate::error::Result;
use crate::identity::{ACCESS_SECONDS, KeyClaims};
use crate::key::{check_scopes, covers};
use crate::operation::field::check_name;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::verify::{Presented, invalid_credential};

/// Issues a JWT that represents a key for 15 minutes, or until the key expires. Other programs verify it with the
/// public keys of the JWK Set. It is never accepted as a user's token. Anyone who holds the key may call this,
/// whatever its tenant: a program that verifies the token must compare `tid` with the tenants that it trusts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IssueKeyToken {
    /// The key itself.
    #[serde(with = "ExposeSecret")]
    pub key: Secret,
    /// The `aud` of the token: the configured audience, or another one that the operator allows. Defaults to the
    /// configured one.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::name))]
    #[serde(default)]
    pub audience: Option<String>,
    /// The scopes of the token: only scopes that the key has. Defaults to all of them.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

/// A token that represents a key.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct KeyToken {
    /// The token: a JWT whose `typ` is `key+jwt`. `sub` is the key's id, `tid` its tenant, `scope` its scopes.
    #[serde(with = "ExposeSecret")]
    pub token: Secret,
    /// Always `Bearer`.
    pub token_type: Cow<'static, str>,
    /// The lifetime of the token, in seconds.
    pub expires_in: u64,
}

impl Operation for IssueKeyToken {
    type Checked = Self;
    type Output = KeyToken;
    const NAME: &'static str = "keys.token";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys/token", 200);
    const ACCESS: Access = Access::Public;
    const LOOKS_UP_KEY: bool = true;
    const POSITIONAL: &'static [&'static str] = &["key"];

    fn check(mut self) -> Result<Self> {
        self.audience.as_deref().map_or(Ok(()), |audience| check_name("audience", audience))?;
        self.scopes = self.scopes.map(check_scopes).transpose()?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<KeyToken> {
        let found = context.engine().validated(Presented::Key(request.key.expose()));
        let key = context.shown_key(found)?;
        let scopes = request.scopes.unwrap_or_else(|| key.scopes().to_vec());
        if !scopes.iter().all(|scope| key.scopes().iter().any(|held| covers(held, scope))) {
            return Err(forbidden("scopes: a token can only have scopes that its key has"));
        }
        let settings = context.settings();
        let aud = request.audience.unwrap_or_else(|| settings.audience.clone());
        if aud != settings.audience && !settings.token_audiences.contains(&aud) {
            return Err(forbidden(
                "audience: tokens for this audience are not allowed. Omit it, or let the operator add it to `audiences` of \
                 [tokens]",
            ));
        }
        let iat = context.clock().wall_ms() / 1000;
        let end = key.expires_at().map_or(u64::MAX, |end| end.unsigned_abs() / 1000);
        let exp = end.min(iat + u64::from(ACCESS_SECONDS));
        // In its last second, a key cannot get a token: its lifetime would round to 0 seconds.
        let expires_in = exp.checked_sub(iat).filter(|left| *left > 0).ok_or_else(invalid_credential)?;
        let claims = KeyClaims {
            iss: settings.issuer.clone(),
            aud,
            sub: key.id(),
            tid: key.tenant_id(),
            scope: scopes.join(" "),
            iat,
            exp,
        };
        let token = context.sign_key(&claims)?;
        Ok(KeyToken { token, token_type: "Bearer".into(), expires_in })
    }
}
