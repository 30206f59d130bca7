//! `gatekeeper users`.

use clap::{Args, Subcommand};
use gatekeeper::{AccountTenant, Gatekeeper, GatekeeperError, Signup, TenantId};
use serde::Serialize;
use serde_json::json;

use super::ask;
use super::asked::{Asked, Paging};
use super::failure::Failure;
use super::secret::SecretOf;
use super::session::{Session, warn};
use crate::config::{Origin, TENANT};

const PASSWORD_FROM: &str = "The password comes from the standard input: it is asked for on a terminal.";
const TOKEN_FROM: &str = "Who it is about is the bearer of GATEKEEPER_TOKEN, an access token.";

/// Accounts of people, and their sessions.
#[derive(Subcommand)]
pub(crate) enum Users {
    /// Makes an account and logs in to it; with --tenant NAME also a tenant of this name, which they own.
    ///
    /// On the database itself this is how accounts are made where sign-up is closed. --tenant with the id of a tenant
    /// that exists makes them an owner of it.
    #[command(after_help = format!("{PASSWORD_FROM}\n\nExamples:\n  gatekeeper users create founder@example.com --tenant 'Acme Inc'"))]
    Create(Create),
    /// Logs in; shows an access token and a refresh token.
    #[command(after_help = format!("{PASSWORD_FROM}\n\nExamples:\n  export GATEKEEPER_TOKEN=$(gatekeeper users login founder@example.com --json | jq -r .accessToken)"))]
    Login(Login),
    /// Exchanges a refresh token for new tokens; it is used up.
    #[command(after_help = "The refresh token comes from the standard input: it is asked for on a terminal.")]
    Refresh(NoField),
    /// Shows who is calling.
    #[command(after_help = TOKEN_FROM)]
    Me(NoField),
    /// Ends the session, or every session.
    #[command(after_help = TOKEN_FROM)]
    Logout(Logout),
    /// Changes the password, and ends the other sessions.
    #[command(after_help = format!("{TOKEN_FROM}\nThe passwords come from the standard input, the current one first, a line each: they are asked for on a terminal."))]
    ChangePassword(NoField),
    /// Lists the sessions that are not over.
    #[command(after_help = TOKEN_FROM)]
    Sessions(Paging),
    /// Ends one session.
    #[command(after_help = TOKEN_FROM)]
    RevokeSession(RevokeSession),
}

#[derive(Args, Serialize)]
pub(crate) struct NoField {}

#[derive(Args, Serialize)]
pub(crate) struct Create {
    /// The e-mail address.
    email: String,
    /// What the user is called.
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args, Serialize)]
pub(crate) struct Login {
    /// The e-mail address.
    email: String,
}

#[derive(Args, Serialize)]
pub(crate) struct Logout {
    /// Every session of the user.
    #[arg(long, alias = "everywhere")]
    #[serde(skip)]
    all: bool,
    /// The session of a refresh token from the standard input, with any token or none.
    #[arg(long, conflicts_with = "all")]
    #[serde(skip)]
    refresh_token: bool,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevokeSession {
    /// The session's id, ses_….
    session_id: String,
}

impl Users {
    pub(crate) fn asked(self) -> Result<Asked, Failure> {
        Ok(match self {
            Self::Create(create) => create.asked()?,
            Self::Login(login) => {
                Asked::new("auth.login", &login)?.with_secret("password", SecretOf::Password)
            }
            Self::Refresh(none) => {
                Asked::new("auth.refresh", &none)?.with_secret("refreshToken", SecretOf::RefreshToken)
            }
            Self::Me(none) => Asked::new("auth.me", &none)?,
            Self::Logout(logout) => {
                let operation = if logout.all { "auth.logoutAll" } else { "auth.logout" };
                let asked = Asked::new(operation, &logout)?.saying("logged out");
                if logout.refresh_token {
                    asked.with_secret("refreshToken", SecretOf::RefreshToken)
                } else {
                    asked
                }
            }
            Self::ChangePassword(none) => Asked::new("auth.changePassword", &none)?
                .with_secret("currentPassword", SecretOf::CurrentPassword)
                .with_secret("newPassword", SecretOf::NewPassword)
                .saying("changed; the other sessions are over"),
            Self::Sessions(paging) => Asked::new("auth.sessions", &paging)?.listing(
                &paging,
                &["id", "source", "current", "createdAt", "lastUsedAt", "expiresAt", "endsAt"],
            ),
            Self::RevokeSession(revoke) => Asked::new("auth.revokeSession", &revoke)?.saying("ended"),
        })
    }
}

impl Create {
    fn asked(&self) -> Result<Asked, Failure> {
        Ok(Asked::new("auth.signup", self)?.with_secret("password", SecretOf::NewPassword))
    }
}

/// Makes an account, and where `--tenant` is given its tenant with it.
pub(crate) fn create(create: &Create, session: &Session) -> Result<(), Failure> {
    let asked = create.asked()?;
    let given = session.config.found(&TENANT).filter(|tenant| matches!(tenant.origin, Origin::Flag(_)));
    let Some(tenant) = given.and_then(|tenant| tenant.value.as_str()) else { return session.ask(&asked) };
    if session.config.is_remote() {
        let message = "--tenant is for the operator, on the database itself: over HTTP, users make their tenants with \
                       `gatekeeper tenants create NAME`";
        return Err(Failure::Usage(message.to_owned()));
    }
    let tenant = match tenant {
        "default" => AccountTenant::Existing(Gatekeeper::DEFAULT_TENANT),
        name => match name.parse::<TenantId>() {
            Ok(id) => AccountTenant::Existing(id),
            Err(_) => AccountTenant::New(name),
        },
    };
    let gatekeeper = session.existing_database()?;
    let password = ask::secret(SecretOf::NewPassword, session.config.environment())?;
    let signup = Signup { email: create.email.clone(), password, name: create.name.clone() };
    let (tokens, tenant) = gatekeeper.create_account(signup, tenant)?;
    warn(&gatekeeper);
    let mut answer = serde_json::to_value(&tokens).map_err(GatekeeperError::internal)?;
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("tenant".to_owned(), json!(tenant));
    }
    session.show(&answer.to_string(), &asked)
}
