use serde::{Deserialize, Serialize};

use crate::access::{Access, Actor, Context, Event};
use crate::error::Result;
use crate::operation::{Method, Operation, Route};

/// Ends the session of the access token: it and the refresh token are dead at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Logout {}

/// Ends every session of the user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogoutAll {}

impl Operation for Logout {
    type Output = ();
    const NAME: &'static str = "auth.logout";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/logout", 200);
    const ACCESS: Access = Access::User;

    async fn run(self, context: &Context<'_>) -> Result<()> {
        let Actor::User { id, session } = *context.actor() else { return Ok(()) };
        context.write(|tx, context| {
            tx.revoke_session(id, session, context.now())?;
            context.audit(tx, Event::new("session.ended").about(&session))
        })
    }
}

impl Operation for LogoutAll {
    type Output = ();
    const NAME: &'static str = "auth.logoutAll";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/logout-all", 200);
    const ACCESS: Access = Access::User;

    async fn run(self, context: &Context<'_>) -> Result<()> {
        let user = context.user()?;
        context.write(|tx, context| {
            tx.revoke_sessions(user, None, context.now())?;
            context.audit(tx, Event::new("session.all_ended").about(&user))
        })
    }
}
