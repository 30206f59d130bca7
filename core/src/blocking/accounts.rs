//! Accounts that the operator creates, with their tenants.

use super::Gatekeeper;
use crate::authz::{Action, Event, MemberRole};
use crate::error::{GatekeeperError, Result};
use crate::id::TenantId;
use crate::operation::{CreateTenant, Operation as _, Signup, Tenant, Tokens};

/// The tenant that a new account owns.
#[derive(Clone, Copy, Debug)]
pub enum AccountTenant<'a> {
    /// A new tenant with this name.
    New(&'a str),
    /// An existing tenant.
    Existing(TenantId),
}

impl Gatekeeper {
    /// Creates an account that owns a tenant, in one transaction, even if sign-up is closed. For the operator only.
    ///
    /// ```
    /// use gatekeeper::blocking::Gatekeeper;
    /// use gatekeeper::Secret;
    /// use gatekeeper::auth::Signup;
    /// use gatekeeper::blocking::AccountTenant;
    /// let gatekeeper = Gatekeeper::open("memory:")?;
    /// let signup = Signup { email: "ada@example.com".into(), password: Secret::new("hunter2pass"), name: None };
    /// let (tokens, tenant) = gatekeeper.create_account(signup, AccountTenant::New("Acme Inc"))?;
    /// assert_eq!((tokens.user.email.as_str(), tenant.name.as_str()), ("ada@example.com", "Acme Inc"));
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` for a server, and as [`Signup`] and [`CreateTenant`] document;
    /// `conflict` for an e-mail address that has an account; `not_found` for a tenant that does not exist;
    /// `service_unavailable` if the store cannot be reached.
    pub fn create_account(&self, signup: Signup, tenant: AccountTenant<'_>) -> Result<(Tokens, Tenant)> {
        let operator = self.embedded("create_account")?.as_operator()?;
        let account = signup.check()?;
        let id = match tenant {
            AccountTenant::Existing(id) => id,
            AccountTenant::New(name) => {
                CreateTenant { name: name.to_owned() }.check()?;
                TenantId::generate(operator.clock())?
            }
        };
        account.create(&operator, |tx, operator, user| {
            if let AccountTenant::New(name) = tenant {
                tx.add_tenant(id, name, operator.now())?;
                operator.audit(tx, Event::new(Action::TenantCreated).of_tenant(id).about(&id))?;
            }
            let Some(row) = tx.tenant(id)? else { return Err(GatekeeperError::not_found().into()) };
            tx.add_member(id, user, MemberRole::Owner.as_str(), operator.now())?;
            operator.audit(tx, Event::new(Action::MemberAdded).of_tenant(id).about(&user))?;
            Ok(Tenant::new(row, Some(MemberRole::Owner)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::ListMembers;
    use crate::secret::Secret;

    fn signup(name: &str) -> Signup {
        let email = format!("{name}@example.com");
        Signup { email, password: Secret::new("correct-horse-7"), name: None }
    }

    #[test]
    fn an_account_and_its_tenant_are_created_together_or_not_at_all() {
        let database = Gatekeeper::open("memory:").unwrap();
        let (tokens, tenant) =
            database.create_account(signup("ada"), AccountTenant::New("Acme Inc")).unwrap();
        assert_eq!(tenant.role, Some(MemberRole::Owner));
        let owner = database.with_token(&tokens.access_token);
        let members = ListMembers { tenant_id: tenant.id, limit: None, cursor: None };
        assert_eq!(owner.call(members).unwrap().items.len(), 1);

        let again = database.create_account(signup("ada"), AccountTenant::New("Other Inc")).unwrap_err();
        assert_eq!(again.status(), 409);
        let nowhere = AccountTenant::Existing(TenantId::from_bits(7));
        assert_eq!(database.create_account(signup("ben"), nowhere).unwrap_err().status(), 404);
        let (_, shared) = database.create_account(signup("ben"), AccountTenant::Existing(tenant.id)).unwrap();
        assert_eq!(shared.id, tenant.id);
        let unnamed = database.create_account(signup("cy"), AccountTenant::New("")).unwrap_err();
        assert_eq!(unnamed.status(), 400);
        assert_eq!(owner.create_account(signup("cy"), AccountTenant::New("x")).unwrap_err().status(), 403);
    }
}
