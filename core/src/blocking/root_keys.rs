//! Root keys, which the operator creates. A tenant can have several.

use super::Gatekeeper;
use crate::authz::{Action, Context, Event};
use crate::error::Result;
use crate::id::TenantId;
use crate::operation::{CreateTenant, CreatedRootKey, Operation as _};
use crate::store::{DEFAULT_TENANT, Failure, Tx};

/// The tenant of a new root key.
#[derive(Clone, Copy, Debug)]
pub enum RootKeyOf<'a> {
    /// The tenant `default`, which every database has: a key manager without a root key keeps its keys there.
    DefaultTenant,
    /// A new tenant with this name.
    NewTenant(&'a str),
    /// An existing tenant.
    Tenant(TenantId),
}

impl Gatekeeper {
    /// The tenant `default`, which every database has: a key manager without a root key keeps its keys there.
    pub const DEFAULT_TENANT: TenantId = DEFAULT_TENANT;

    /// Creates a root key. For the operator only.
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` for a name that is empty, longer than 256 bytes or contains U+0000;
    /// `not_found` for a tenant that does not exist; `service_unavailable` if the store cannot be reached.
    pub fn add_root_key(&self, of: RootKeyOf<'_>) -> Result<CreatedRootKey> {
        self.new_root_key(of, CreatedRootKey::add)
    }

    /// Creates the first root key of a database. For the operator only.
    ///
    /// # Errors
    /// As for [`add_root_key`](Self::add_root_key); `conflict` if there is one already.
    pub fn add_first_root_key(&self, of: RootKeyOf<'_>) -> Result<CreatedRootKey> {
        self.new_root_key(of, CreatedRootKey::add_first)
    }

    /// Whether there is a root key. For the operator only.
    ///
    /// # Errors
    /// `forbidden` for other callers; `service_unavailable` if the store cannot be reached.
    pub fn has_root_key(&self) -> Result<bool> {
        let operator = self.embedded("has_root_key")?.as_operator()?;
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
        operator.read(|rows| rows.has_root_key())
    }

    fn new_root_key(
        &self,
        of: RootKeyOf<'_>,
        add: impl FnOnce(&Context<'_>, &mut Tx<'_>, TenantId) -> Result<CreatedRootKey, Failure>,
    ) -> Result<CreatedRootKey> {
        let operator = self.embedded("add_root_key")?.as_operator()?;
        let tenant_id = match of {
            RootKeyOf::DefaultTenant => DEFAULT_TENANT,
            RootKeyOf::Tenant(id) => id,
            RootKeyOf::NewTenant(name) => {
                CreateTenant { name: name.to_owned() }.check()?;
                TenantId::generate(operator.clock())?
            }
        };
        operator.write(|tx, operator| {
            if let RootKeyOf::NewTenant(name) = of {
                tx.add_tenant(tenant_id, name, operator.now())?;
                operator
                    .audit(tx, Event::new(Action::TenantCreated).of_tenant(tenant_id).about(&tenant_id))?;
            }
            add(operator, tx, tenant_id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Endpoints;
    use crate::operation::{CreateKey, RevokeRootKey};

    #[test]
    fn the_first_root_key_is_created_once_and_more_on_request() {
        let database = Gatekeeper::open("memory:").unwrap();
        assert!(!database.has_root_key().unwrap());
        let first = database.add_first_root_key(RootKeyOf::DefaultTenant).unwrap();
        assert_eq!(first.tenant_id, Gatekeeper::DEFAULT_TENANT);
        assert!(database.has_root_key().unwrap());
        let again = database.add_first_root_key(RootKeyOf::NewTenant("Acme Inc")).unwrap_err();
        assert_eq!(again.code(), "conflict");

        let acme = database.add_root_key(RootKeyOf::NewTenant("Acme Inc")).unwrap();
        let another = database.add_root_key(RootKeyOf::Tenant(acme.tenant_id)).unwrap();
        assert_eq!(acme.tenant_id, another.tenant_id);
        for root in [&first, &acme, &another] {
            database.with_root_key(&root.key).check_credential().unwrap();
        }
        let nowhere = TenantId::from_bits(7);
        assert_eq!(database.add_root_key(RootKeyOf::Tenant(nowhere)).unwrap_err().status(), 404);
        let rejected = database.with_root_key(&acme.key).add_root_key(RootKeyOf::DefaultTenant);
        assert_eq!(rejected.unwrap_err().status(), 403);
    }

    #[test]
    fn a_new_root_key_is_recorded_in_the_audit_log_of_its_tenant() {
        let database = Gatekeeper::open("memory:").unwrap();
        let acme = database.add_root_key(RootKeyOf::NewTenant("Acme Inc")).unwrap();
        let query = format!(r#"{{"tenantId": "{}"}}"#, acme.tenant_id);
        let log = database.call_json("audit.query", &query).unwrap();
        for action in ["root_key.created", "tenant.created"] {
            assert!(log.contains(&format!(r#""action":"{action}""#)), "{log}");
        }
        assert!(!log.contains(acme.key.expose()));
    }

    #[test]
    fn a_revoked_root_key_is_rejected_at_the_next_call_and_its_tenants_keys_stay_valid() {
        let database = Gatekeeper::open("memory:").unwrap();
        let acme = database.add_root_key(RootKeyOf::NewTenant("Acme Inc")).unwrap();
        let credential = database.with_root_key(&acme.key);
        let key = credential.call(CreateKey::new("user")).unwrap().api_key;
        let verifier = credential.verifier(Endpoints::new()).unwrap();
        let status = || verifier.verify::<&str>(key.expose(), "NONE", &[]).unwrap_err().status();
        assert_eq!((credential.check_credential().is_ok(), status()), (true, 400));
        database.call(RevokeRootKey { id: acme.id }).unwrap();
        assert_eq!((credential.check_credential().unwrap_err().status(), status()), (401, 401));
        assert!(database.validate(key.expose()).is_ok());
    }
}
