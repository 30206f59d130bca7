use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tokens::{Continued, Tokens, tokens};
use crate::authz::{Access, Action, Context, Event, Throttle};
use crate::error::Result;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::store::{Failure, Purpose, Tx, UserRow};
use crate::verify::invalid_credential;

/// Exchanges a refresh token for new tokens. Each refresh token can be used once. Repeating the exchange within 10
/// seconds returns the same new refresh token, for a client that lost the response. A later use, or a use after the
/// new token was used, ends the session: the token must have been stolen (RFC 9700 §4.14.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// The newest refresh token of the session.
    #[serde(with = "ExposeSecret")]
    pub refresh_token: Secret,
}

impl Operation for Refresh {
    type Checked = Self;
    type Output = Tokens;
    const NAME: &'static str = "auth.refresh";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/refresh", 200);
    const ACCESS: Access = Access::Public;
    const THROTTLE: Option<Throttle> = Some(Throttle::Refresh);
    const POSITIONAL: &'static [&'static str] = &["refreshToken"];

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Tokens> {
        let vault = context.vault()?;
        let successors = Successors {
            new: vault.successor(&request.refresh_token),
            previous: vault.previous_successor(&request.refresh_token),
        };
        let exchanged =
            context.write(|tx, context| exchange(context, tx, &request.refresh_token, &successors))?;
        let (user, continued) = exchanged.ok_or_else(invalid_credential)?;
        tokens(context, user, continued)
    }
}

/// The refresh token that follows a given one. It is derived with the current secret, and with the previous secret
/// if there is one.
struct Successors {
    new: Secret,
    previous: Option<Secret>,
}

/// The user and the continued session, if the refresh token was valid. If not, the rejection is written to the
/// audit log.
fn exchange(
    context: &Context<'_>,
    tx: &Tx<'_>,
    token: &Secret,
    successors: &Successors,
) -> Result<Option<(UserRow, Continued)>, Failure> {
    let (now, rules) = (context.now(), context.settings().sessions);
    let Some(found) = tx.consume(Purpose::Refresh, &token.digest(), now)? else {
        return Ok(None);
    };
    let Some(session) = tx.session(found.subject.parse()?)? else { return Ok(None) };
    let Some(user) = tx.user(session.user_id)? else { return Ok(None) };
    // In its last second, a session cannot get a token: its lifetime would round to 0 seconds.
    if !session.is_active(now) || rules.end(session.created_at) < now.saturating_add(1000) {
        return Ok(None);
    }
    let continued = |token: &Secret, expires_at| Continued {
        session: session.id,
        refresh_token: token.clone(),
        expires_at,
    };
    let Some(used_at) = found.used_at else {
        let expires_at = rules.expiry(session.created_at, now);
        tx.add_one_time_token(Purpose::Refresh, &successors.new.digest(), &session.id, expires_at)?;
        if !tx.prolong_session(session.id, now, expires_at)? {
            return Ok(None);
        }
        tx.forget_ended_tokens(&session.id, now)?;
        return Ok(Some((user, continued(&successors.new, expires_at))));
    };
    let grace = context.settings().refresh_grace;
    for successor in successors.previous.iter().chain([&successors.new]) {
        let follows = tx.one_time_token(Purpose::Refresh, &successor.digest(), now)?;
        // The absolute difference also covers a `used_at` that was written by a process whose clock was ahead.
        if Duration::from_millis(now.abs_diff(used_at)) < grace
            && follows.is_some_and(|next| next.used_at.is_none())
        {
            return Ok(Some((user, continued(successor, session.expires_at))));
        }
    }
    tx.revoke_session(session.user_id, session.id, now)?;
    context
        .audit(tx, Event::new(Action::SessionTokenReused).by_user(user.id, session.id).about(&session.id))?;
    Ok(None)
}
