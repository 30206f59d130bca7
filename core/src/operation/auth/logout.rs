use serde::{Deserialize, Serialize};

use crate::authz::{Access, Action, Context, Event, Principal, Throttle};
use crate::error::Result;
use crate::operation::{ExposeOptionalSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::store::Purpose;
use crate::verify::invalid_credential;

/// Ends the session of the access token, or that of `refreshToken`. Its tokens are rejected at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logout {
    /// A refresh token of the session to end. With it, no access token is needed, so that a session can be ended
    /// after its access token has expired. Defaults to the session of the access token.
    #[serde(default, with = "ExposeOptionalSecret")]
    pub refresh_token: Option<Secret>,
}

/// Ends every session of the user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogoutAll {}

impl Operation for Logout {
    type Checked = Self;
    type Output = ();
    const NAME: &'static str = "auth.logout";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/logout", 200);
    const ACCESS: Access = Access::User;
    const POSITIONAL: &'static [&'static str] = &["refreshToken"];

    fn access(&self) -> Access {
        // The refresh token is the credential.
        if self.refresh_token.is_some() { Access::Public } else { Self::ACCESS }
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<()> {
        if let Some(token) = &request.refresh_token {
            return end_session_of(context, token);
        }
        let Principal::User { id, session } = *context.principal() else { return Ok(()) };
        context.write(|tx, context| {
            tx.revoke_session(id, session, context.now())?;
            context.audit(tx, Event::new(Action::SessionEnded).about(&session))
        })
    }
}

/// Ends the session of a refresh token, whether or not it is the newest one.
fn end_session_of(context: &Context<'_>, token: &Secret) -> Result<()> {
    context.consume(Throttle::Refresh)?;
    let (digest, now) = (token.digest(), context.now());
    let found = context.read(|rows| rows.one_time_token(Purpose::Refresh, &digest, now))?;
    let session = found.ok_or_else(invalid_credential)?.subject.parse()?;
    context.write(|tx, context| {
        let user = tx.session(session)?.ok_or_else(invalid_credential)?.user_id;
        if !tx.revoke_session(user, session, now)? {
            return Err(invalid_credential().into());
        }
        context.audit(tx, Event::new(Action::SessionEnded).by_user(user, session).about(&session))
    })
}

impl Operation for LogoutAll {
    type Checked = Self;
    type Output = ();
    const NAME: &'static str = "auth.logoutAll";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/logout-all", 200);
    const ACCESS: Access = Access::User;

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(_: Self, context: &Context<'_>) -> Result<()> {
        let user = context.user()?;
        context.write(|tx, context| {
            tx.revoke_sessions(user, None, context.now())?;
            context.audit(tx, Event::new(Action::SessionAllEnded).about(&user))
        })
    }
}
