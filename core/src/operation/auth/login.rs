use serde::{Deserialize, Serialize};

use super::tokens::{Tokens, begin_session, tokens};
use crate::authz::{Access, Account, Action, Context, Event};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::identity::{Email, Password};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;

/// Logs in with an e-mail address and a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The account's e-mail address.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::email))]
    pub email: String,
    /// The account's password.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::password))]
    #[serde(with = "ExposeSecret")]
    pub password: Secret,
}

/// The result of a login: tokens, or an MFA challenge.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum LoginAnswer {
    /// The user is logged in.
    Tokens(Tokens),
    /// The login needs a second factor.
    MfaChallenge(MfaChallenge),
}

/// A challenge: the client must prove a second factor before it gets tokens.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MfaChallenge {
    /// Always true.
    pub mfa_required: bool,
    /// The token to send with the code that completes the challenge.
    #[serde(with = "ExposeSecret")]
    pub challenge_token: Secret,
}

impl Operation for Login {
    type Checked = Credentials;
    type Output = LoginAnswer;
    const NAME: &'static str = "auth.login";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/login", 200);
    const ACCESS: Access = Access::Public;
    const POSITIONAL: &'static [&'static str] = &[];

    fn check(self) -> Result<Credentials> {
        let email = Email::parse(&self.email)?;
        Ok(Credentials { email, password: Password::parse("password", &self.password)? })
    }

    fn run(credentials: Credentials, context: &Context<'_>) -> Result<LoginAnswer> {
        let Credentials { email, password } = credentials;
        let user = context.read(|rows| rows.user_by_email(email.as_str()))?;
        let account = Account { email: email.as_str(), user: user.as_ref() };
        let right = context.check_password(account, &password, Action::UserLoginRefused)?;
        let proven = right.ok_or_else(wrong)?.proven();
        let user = user.as_ref().ok_or_else(wrong)?;
        let continued = context.write(|tx, context| {
            // The password may have been changed since it was verified.
            if tx.user(user.id)?.is_none_or(|now| now.password != user.password) {
                return Err(wrong().into());
            }
            proven.accept(tx, context.now())?;
            let continued = begin_session(context, tx, user.id)?;
            context.audit(
                tx,
                Event::new(Action::UserLoggedIn).by_user(user.id, continued.session).about(&user.id),
            )?;
            Ok(continued)
        })?;
        tokens(context, user.clone(), continued).map(LoginAnswer::Tokens)
    }
}

/// A [`Login`] whose fields are well-formed.
#[derive(Debug)]
pub struct Credentials {
    email: Email,
    password: Password,
}

fn wrong() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialInvalid, "the e-mail address or the password is incorrect")
}
