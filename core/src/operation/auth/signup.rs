use serde::{Deserialize, Serialize};

use super::tokens::{Tokens, begin_session, tokens};
use crate::authz::{Access, Action, Context, Event, Principal, Throttle};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::UserId;
use crate::identity::{Email, Lockout, Password};
use crate::operation::field::check_text;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::store::{Failure, Tx, UserRow};

/// Creates an account and logs in to it.
///
/// ```
/// use gatekeeper::blocking::Gatekeeper;
/// use gatekeeper::Secret;
/// use gatekeeper::auth::Signup;
/// let gatekeeper = Gatekeeper::open("memory:")?.anonymous();
/// let signup = Signup { email: "founder@example.com".into(), password: Secret::new("hunter2pass"), name: None };
/// let tokens = gatekeeper.call(signup)?;
/// assert_eq!(tokens.user.email, "founder@example.com");
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signup {
    /// The e-mail address. Addresses that differ only in case, in Unicode normalization or in the form of their
    /// domain are the same. Invisible and lookalike characters are rejected.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::email))]
    pub email: String,
    /// The password: 8 to 128 characters of any kind, not one of the most common passwords.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::new_password))]
    #[serde(with = "ExposeSecret")]
    pub password: Secret,
    /// The user's name: at most 256 bytes. Defaults to no name.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub name: Option<String>,
}

impl Operation for Signup {
    type Checked = NewAccount;
    type Output = Tokens;
    const NAME: &'static str = "auth.signup";
    const ROUTE: Route = Route::new(Method::Post, "/v1/auth/signup", 201);
    const ACCESS: Access = Access::Public;
    const THROTTLE: Option<Throttle> = Some(Throttle::Signup);
    const SIGNS_UP: bool = true;

    fn check(self) -> Result<NewAccount> {
        let email = Email::parse(&self.email)?;
        let password = Password::parse_new("password", &self.password)?;
        check_text("name", self.name.as_deref())?;
        Ok(NewAccount { email, password, name: self.name })
    }

    fn run(account: NewAccount, context: &Context<'_>) -> Result<Tokens> {
        account.create(context, |_, _, _| Ok(())).map(|(tokens, ())| tokens)
    }
}

/// A [`Signup`] whose fields are valid.
#[derive(Debug)]
pub struct NewAccount {
    email: Email,
    password: Password,
    name: Option<String>,
}

impl NewAccount {
    /// Creates the account and, in the same transaction, whatever `with_it` creates for the new user.
    pub(crate) fn create<T>(
        self,
        context: &Context<'_>,
        with_it: impl FnOnce(&Tx<'_>, &Context<'_>, UserId) -> Result<T, Failure>,
    ) -> Result<(Tokens, T)> {
        let email = self.email;
        let user = UserRow {
            id: UserId::generate(context.clock())?,
            email: email.as_str().to_owned(),
            email_verified: false,
            name: self.name,
            password: context.hash_password(&self.password)?,
            created_at: context.now(),
        };
        let (continued, made) = context.write(|tx, context| {
            if !tx.add_user(&user)? {
                return Err(GatekeeperError::new(
                    ErrorKind::Conflict,
                    "email: an account with this address exists: log in instead",
                )
                .into());
            }
            Lockout::of(email.as_str(), context.client_address()).store_address(tx, user.created_at)?;
            let continued = begin_session(context, tx, user.id)?;
            let event = match context.principal() {
                Principal::Operator => Event::new(Action::UserCreated),
                _ => Event::new(Action::UserSignedUp).by_user(user.id, continued.session),
            };
            context.audit(tx, event.about(&user.id))?;
            Ok((continued, with_it(tx, context, user.id)?))
        })?;
        Ok((tokens(context, user, continued)?, made))
    }
}
