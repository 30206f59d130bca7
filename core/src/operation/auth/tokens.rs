use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::authz::{Action, Context, Event};
use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::identity::{ACCESS_SECONDS, AccessClaims, CLIENT_ID, new_refresh_token, new_token_id};
use crate::operation::ExposeSecret;
use crate::secret::Secret;
use crate::store::{Failure, Purpose, SessionRow, Tx, UserRow};

/// The tokens of a session.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tokens {
    /// The access token: a JWT for `Authorization: Bearer`, valid for 15 minutes.
    #[serde(with = "ExposeSecret")]
    pub access_token: Secret,
    /// The refresh token, to be exchanged once with [`Refresh`](crate::auth::Refresh), within 7 days and before the
    /// session ends.
    #[serde(with = "ExposeSecret")]
    pub refresh_token: Secret,
    /// The remaining lifetime of the access token, in seconds.
    pub expires_in: u32,
    /// The user who logged in.
    pub user: User,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The e-mail address, normalized.
    pub email: String,
    /// Whether the user has proved that the address is theirs.
    pub email_verified: bool,
    /// The user's name.
    pub name: Option<String>,
    /// When the account was created, Unix milliseconds.
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

/// A session and its newest refresh token.
pub(super) struct Continued {
    pub(super) session: SessionId,
    pub(super) refresh_token: Secret,
    /// When the session ends unless it gets new tokens before.
    pub(super) expires_at: i64,
}

/// Begins a session of `user`. If they have too many, the least recently used one ends.
pub(super) fn begin_session(context: &Context<'_>, tx: &Tx<'_>, user: UserId) -> Result<Continued, Failure> {
    let (now, rules) = (context.now(), context.settings().sessions);
    let (id, token) = (SessionId::generate(context.clock())?, new_refresh_token()?);
    tx.lock_user(user)?;
    for ended in tx.sessions_beyond(user, rules.beside_a_new_one(), now)? {
        tx.revoke_session(user, ended, now)?;
        let replaced = Map::from_iter([("replacedBy".to_owned(), json!(id))]);
        let event = Event::new(Action::SessionEnded).by_user(user, id).about(&ended).with(Some(replaced));
        context.audit(tx, event)?;
    }
    let expires_at = rules.expiry(now, now);
    tx.add_session(&SessionRow {
        id,
        user_id: user,
        source: context.client_address().map(str::to_owned),
        created_at: now,
        last_used_at: now,
        expires_at,
        revoked_at: None,
    })?;
    tx.add_one_time_token(Purpose::Refresh, &token.digest(), &id, expires_at)?;
    Ok(Continued { session: id, refresh_token: token, expires_at })
}

/// The tokens of a session.
pub(super) fn tokens(context: &Context<'_>, user: UserRow, continued: Continued) -> Result<Tokens> {
    let Continued { session, refresh_token, expires_at } = continued;
    let settings = context.settings();
    let iat = context.clock().wall_ms() / 1000;
    // No token outlives its session.
    let exp = (iat + u64::from(ACCESS_SECONDS)).min(expires_at.unsigned_abs() / 1000);
    let expires_in = u32::try_from(exp.saturating_sub(iat)).unwrap_or(ACCESS_SECONDS);
    let claims = AccessClaims {
        iss: settings.issuer.clone(),
        aud: settings.audience.clone(),
        sub: user.id,
        sid: session,
        client_id: CLIENT_ID.to_owned(),
        jti: new_token_id()?,
        iat,
        exp,
    };
    let access_token = context.sign_access(&claims)?;
    Ok(Tokens { access_token, refresh_token, expires_in, user: user.into() })
}
