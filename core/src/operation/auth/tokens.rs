use serde::{Deserialize, Serialize};

use crate::access::Context;
use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::identity::{ACCESS_SECONDS, AccessClaims, REFRESH_MS, new_refresh_token};
use crate::operation::Wire;
use crate::secret::Secret;
use crate::store::{Failure, Purpose, SessionRow, Tx, UserRow};

/// What a login gives.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// A JWT for `Authorization: Bearer`, good for 15 minutes.
    #[serde(with = "Wire")]
    pub access_token: Secret,
    /// What [`Refresh`](crate::Refresh) takes, once, within 7 days.
    #[serde(with = "Wire")]
    pub refresh_token: Secret,
    /// How long the access token is good, in seconds.
    pub expires_in: u32,
    /// Who has logged in.
    pub user: User,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The e-mail address, normalised.
    pub email: String,
    /// Whether the address was proved to be theirs.
    pub email_verified: bool,
    /// What the user is called.
    pub name: Option<String>,
    /// Unix ms.
    pub created_at: i64,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            email_verified: row.email_verified,
            name: row.name,
            created_at: row.created_at,
        }
    }
}

/// Begins a session of `user`: its id, and its first refresh token.
pub(super) fn begin_session(
    context: &Context<'_>,
    tx: &Tx<'_>,
    user: UserId,
) -> Result<(SessionId, Secret), Failure> {
    let now = context.now();
    let (id, token) = (SessionId::generate(context.clock())?, new_refresh_token()?);
    let expires_at = now.saturating_add_unsigned(REFRESH_MS);
    tx.add_session(&SessionRow {
        id,
        user_id: user,
        source: context.source().map(str::to_owned),
        created_at: now,
        last_used_at: now,
        expires_at,
        revoked_at: None,
    })?;
    tx.add_one_time_token(Purpose::Refresh, &token.digest(), &id, expires_at)?;
    Ok((id, token))
}

/// The tokens of a session.
pub(super) fn tokens(
    context: &Context<'_>,
    user: UserRow,
    session: SessionId,
    refresh_token: Secret,
) -> Result<Tokens> {
    let settings = context.settings();
    let iat = context.clock().wall_ms() / 1000;
    let claims = AccessClaims {
        iss: settings.issuer.clone(),
        aud: settings.audience.clone(),
        sub: user.id,
        sid: session,
        iat,
        exp: iat + u64::from(ACCESS_SECONDS),
    };
    let access_token = context.sign_access(&claims)?;
    Ok(Tokens { access_token, refresh_token, expires_in: ACCESS_SECONDS, user: user.into() })
}
