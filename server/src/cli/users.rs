//! `gatekeeper users`.

use clap::{Args, Subcommand};
use gatekeeper::auth::Signup;
use gatekeeper::blocking::AccountTenant;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{GatekeeperError, TenantId};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::prompt;
use super::request::{OperationRequest, Paging};
use super::secret::SecretKind;
use super::session::{Session, warn};
use crate::config::{Origin, TENANT};

const PASSWORD_FROM: &str = "The password is read from the terminal without echo, or from standard input.";
const TOKEN_FROM: &str = "The user is the bearer of GATEKEEPER_TOKEN, an access token.";

/// Manage user accounts and their sessions.
#[derive(Subcommand)]
pub(crate) enum Users {
    /// Create an account and log in to it. With --tenant NAME, also create a tenant that the account owns.
    ///
    /// This is how the operator creates accounts if sign-up is closed. --tenant with the id of an existing tenant makes
    /// the account an owner of it.
    #[command(after_help = format!("{PASSWORD_FROM}\n\nExamples:\n  gatekeeper users create founder@example.com --tenant 'Acme Inc'"))]
    Create(Create),
    /// Log in. Prints an access token and a refresh token.
    #[command(after_help = format!("{PASSWORD_FROM}\n\nExamples:\n  export GATEKEEPER_TOKEN=$(gatekeeper users login founder@example.com --json | jq -r .accessToken)"))]
    Login(Login),
    /// Exchange a refresh token for new tokens. The old refresh token becomes invalid.
    #[command(
        after_help = "The refresh token is read from the terminal without echo, or from standard input."
    )]
    Refresh(NoArguments),
    /// Show the user.
    #[command(after_help = TOKEN_FROM)]
    Me(NoArguments),
    /// End the current session, or every session.
    #[command(after_help = TOKEN_FROM)]
    Logout(Logout),
    /// Change the password and end all other sessions.
    #[command(after_help = format!("{TOKEN_FROM}\nThe passwords are read from the terminal without echo, or from standard input: first the current one, then the new one, a line each."))]
    ChangePassword(NoArguments),
    /// List the active sessions.
    #[command(after_help = TOKEN_FROM)]
    Sessions(Paging),
    /// End one session.
    #[command(after_help = TOKEN_FROM)]
    RevokeSession(RevokeSession),
}

#[derive(Args, Serialize)]
pub(crate) struct NoArguments {}

#[derive(Args, Serialize)]
pub(crate) struct Create {
    /// The e-mail address.
    email: String,
    /// The name of the user.
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
    /// End every session of the user.
    #[arg(long, alias = "everywhere")]
    #[serde(skip)]
    all: bool,
    /// End the session of a refresh token, read from standard input. No access token is needed.
    #[arg(long, conflicts_with = "all")]
    #[serde(skip)]
    refresh_token: bool,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevokeSession {
    /// The id of the session, ses_….
    session_id: String,
}

impl Users {
    pub(crate) fn into_request(self) -> Result<OperationRequest, Failure> {
        Ok(match self {
            Self::Create(create) => create.request()?,
            Self::Login(login) => {
                OperationRequest::new("auth.login", &login)?.with_secret("password", SecretKind::Password)
            }
            Self::Refresh(none) => OperationRequest::new("auth.refresh", &none)?
                .with_secret("refreshToken", SecretKind::RefreshToken),
            Self::Me(none) => OperationRequest::new("auth.me", &none)?,
            Self::Logout(logout) => {
                let operation = if logout.all { "auth.logoutAll" } else { "auth.logout" };
                let request = OperationRequest::new(operation, &logout)?.with_done("logged out");
                if logout.refresh_token {
                    request.with_secret("refreshToken", SecretKind::RefreshToken)
                } else {
                    request
                }
            }
            Self::ChangePassword(none) => OperationRequest::new("auth.changePassword", &none)?
                .with_secret("currentPassword", SecretKind::CurrentPassword)
                .with_secret("newPassword", SecretKind::NewPassword)
                .with_done("changed; all other sessions have ended"),
            Self::Sessions(paging) => OperationRequest::new("auth.sessions", &paging)?.with_columns(
                &paging,
                &["id", "source", "current", "createdAt", "lastUsedAt", "expiresAt", "endsAt"],
            ),
            Self::RevokeSession(revoke) => {
                OperationRequest::new("auth.revokeSession", &revoke)?.with_done("ended")
            }
        })
    }
}

impl Create {
    fn request(&self) -> Result<OperationRequest, Failure> {
        Ok(OperationRequest::new("auth.signup", self)?.with_secret("password", SecretKind::NewPassword))
    }
}

/// Creates an account, and with `--tenant` its tenant.
pub(crate) fn create(create: &Create, session: &Session) -> Result<(), Failure> {
    let request = create.request()?;
    let given = session.config.effective(&TENANT).filter(|tenant| matches!(tenant.origin, Origin::Flag(_)));
    let Some(tenant) = given.and_then(|tenant| tenant.value.as_str()) else {
        return session.execute(&request);
    };
    if session.config.is_remote() {
        let message = "--tenant is only for the operator of an embedded database: with a server, users create their own \
                       tenants with `gatekeeper tenants create NAME`";
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
    let password = prompt::secret(SecretKind::NewPassword, session.config.environment())?;
    let signup = Signup { email: create.email.clone(), password, name: create.name.clone() };
    let (tokens, tenant) = gatekeeper.create_account(signup, tenant)?;
    warn(&gatekeeper);
    let mut response = serde_json::to_value(&tokens).map_err(GatekeeperError::internal)?;
    if let Some(fields) = response.as_object_mut() {
        fields.insert("tenant".to_owned(), json!(tenant));
    }
    session.show(&response.to_string(), &request)
}
