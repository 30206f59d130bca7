use serde::{Deserialize, Serialize};

use super::tokens::{Tokens, begin_session, tokens};
use crate::access::{Access, Context, Event};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::identity::{Email, Lockout};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route, Wire};
use crate::secret::Secret;
use crate::store::UserRow;

/// Logs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The account's e-mail address.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::email))]
    pub email: String,
    /// Its password.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::password))]
    #[serde(with = "Wire")]
    pub password: Secret,
}

/// What a login answers.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum LoginAnswer {
    /// The user is logged in.
    Tokens(Tokens),
    /// A second factor is asked for.
    MfaChallenge(MfaChallenge),
}

/// A second factor is asked for before there are tokens.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MfaChallenge {
    /// Always true.
    pub mfa_required: bool,
    /// What the answer to the challenge carries.
    #[serde(with = "Wire")]
    pub challenge_token: Secret,
}

impl Operation for Login {
    type Output = LoginAnswer;
    const NAME: &'static str = "auth.login";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/login", 200);
    const ACCESS: Access = Access::Public;
    const POSITIONAL: &'static [&'static str] = &[];

    fn check(&self) -> Result<()> {
        Email::parse(&self.email).map(drop)
    }

    async fn run(self, context: &Context<'_>) -> Result<LoginAnswer> {
        let email = Email::parse(&self.email)?;
        let lockout = Lockout::of(&email, context.source());
        context.write(|tx, context| lockout.begin(tx, context.now()))?;

        let user = context.read(|rows| rows.user_by_email(email.as_str()))?;
        let stored = user.as_ref().map(|user| user.password.as_str());
        let is_right = context.passwords().is_right(&self.password, stored);
        let is_right =
            is_right.or_else(|error| context.write(|tx, _| lockout.withdraw(tx)).and(Err(error)))?;
        match user {
            Some(user) if is_right => log_in(context, &lockout, user).map(LoginAnswer::Tokens),
            user => {
                refuse(context, user)?;
                Err(wrong())
            }
        }
    }
}

fn log_in(context: &Context<'_>, lockout: &Lockout<'_>, user: UserRow) -> Result<Tokens> {
    let (session, refresh_token) = context.write(|tx, context| {
        // The password that was right may have been changed since.
        if tx.user(user.id)?.is_none_or(|now| now.password != user.password) {
            return Err(wrong().into());
        }
        lockout.end(tx, context.now())?;
        let (session, token) = begin_session(context, tx, user.id)?;
        context.audit(tx, Event::new("user.logged_in").by_user(user.id, session).about(&user.id))?;
        Ok((session, token))
    })?;
    tokens(context, user, session, refresh_token)
}

/// One entry for every refused login, whether there is such an account or not.
fn refuse(context: &Context<'_>, user: Option<UserRow>) -> Result<()> {
    let refused = Event::new("user.login_refused");
    let refused = match user {
        Some(user) => refused.about(&user.id),
        None => refused,
    };
    context.write(|tx, context| context.audit(tx, refused))
}

fn wrong() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialInvalid, "the e-mail address or the password is not right")
}
