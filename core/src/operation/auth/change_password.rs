use serde::{Deserialize, Serialize};

use crate::authz::{Access, Account, Action, Context, Event, Principal, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::identity::Password;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;

/// Changes the user's password and ends their other sessions. Wrong passwords count as failed logins.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The current password.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::password))]
    #[serde(with = "ExposeSecret")]
    pub current_password: Secret,
    /// The new password: 8 to 128 characters of any kind, not one of the most common passwords.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::new_password))]
    #[serde(with = "ExposeSecret")]
    pub new_password: Secret,
}

impl Operation for ChangePassword {
    type Checked = Passwords;
    type Output = ();
    const NAME: &'static str = "auth.changePassword";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/change-password", 200);
    const ACCESS: Access = Access::User;

    fn check(self) -> Result<Passwords> {
        let current = Password::parse("currentPassword", &self.current_password)?;
        Ok(Passwords { current, new: Password::parse_new("newPassword", &self.new_password)? })
    }

    fn run(passwords: Passwords, context: &Context<'_>) -> Result<()> {
        let Principal::User { id, session } = *context.principal() else { return Err(not_found()) };
        let Passwords { current, new } = passwords;
        let user = context.read(|rows| rows.user(id))?.ok_or_else(not_found)?;
        let account = Account { email: &user.email, user: Some(&user) };
        let right = context.check_password(account, &current, Action::UserPasswordChangeRefused)?;
        let mut right = right.ok_or_else(wrong)?;
        let new = right.hash(&new)?;
        let proven = right.proven();
        context.write(|tx, context| {
            let now = context.now();
            if !tx.replace_password(id, &user.password, &new, now)? {
                return Err(wrong().into());
            }
            proven.accept(tx, now)?;
            tx.revoke_sessions(id, Some(session), now)?;
            context.audit(tx, Event::new(Action::UserPasswordChanged).about(&id))
        })
    }
}

fn wrong() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialInvalid, "currentPassword is incorrect")
}

/// A [`ChangePassword`] whose fields are valid.
#[derive(Debug)]
pub struct Passwords {
    current: Password,
    new: Password,
}
