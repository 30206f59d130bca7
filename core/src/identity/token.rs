//! Tokens: access tokens, which anyone can verify with the public keys, and refresh tokens, which only the database
//! can.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::signing_key::SigningKey;
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, SessionId, TenantId, UserId};
use crate::secret::{Secret, random};

/// The lifetime of an access token, in seconds.
pub(crate) const ACCESS_SECONDS: u32 = 15 * 60;
/// The lifetime of a refresh token, in milliseconds.
pub(crate) const REFRESH_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// The `typ` of an access token (RFC 9068 §2.1).
pub(super) const ACCESS_TYPE: &str = "at+jwt";

/// The `client_id` of access tokens.
pub(crate) const CLIENT_ID: &str = "gatekeeper";

/// The `typ` of a token that represents an API key. It is never accepted as a user's.
pub(super) const KEY_TYPE: &str = "key+jwt";

/// The claims of a token that represents an API key. Times are Unix seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeyClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: KeyId,
    pub(crate) tid: TenantId,
    /// The scopes, separated by spaces (RFC 8693 §4.2).
    pub(crate) scope: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
}

/// The claims of an access token (RFC 9068 §2.2). Times are Unix seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: UserId,
    pub(crate) sid: SessionId,
    /// The OAuth client: always Gatekeeper itself. Empty in tokens of earlier versions.
    #[serde(default)]
    pub(crate) client_id: String,
    /// The unique id of the token. Empty in tokens of earlier versions.
    #[serde(default)]
    pub(crate) jti: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
}

/// Signs `claims` as a JWT (RFC 7519) of this `typ`.
pub(super) fn sign(typ: &str, key: &SigningKey, claims: &impl Serialize) -> Result<Secret> {
    let mut header = Header::new(key.algorithm.of_jwt());
    header.typ = Some(typ.to_owned());
    header.kid = Some(key.id.clone());
    let token = jsonwebtoken::encode(&header, claims, &key.private);
    token.map(Secret::new).map_err(GatekeeperError::internal)
}

/// The `kid` of a token that declares itself a JWT of this `typ`.
pub(super) fn kid_of(typ: &str, token: &Secret) -> Option<String> {
    let header = jsonwebtoken::decode_header(token.expose()).ok()?;
    header.kid.filter(|_| header.typ.as_deref() == Some(typ))
}

/// The claims of a token with a valid signature, which the caller has to check; none for an invalid one.
pub(super) fn verify<C: DeserializeOwned>(token: &Secret, key: &SigningKey) -> Option<C> {
    // Accept only the key's own algorithm, whatever the token declares. The caller compares the times with our
    // clock.
    let mut validation = Validation::new(key.algorithm.of_jwt());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode::<C>(token.expose(), &key.public, &validation).ok().map(|token| token.claims)
}

/// A new `jti`: 128 bits.
pub(crate) fn new_token_id() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?))
}

/// A new refresh token: 256 bits.
pub(crate) fn new_refresh_token() -> Result<Secret> {
    let mut bytes: [u8; 32] = random()?;
    let token = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
    bytes.zeroize();
    Ok(token)
}
