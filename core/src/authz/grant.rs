//! The rights with which a call was authorized.
//!
//! A call may wait a long time between its authorization and its write: for the write lock, for a hash, for the
//! disk. The caller may lose rights in the meantime. Therefore every write checks the rights again on the rows of
//! its own transaction.

use super::identity;
use super::permission::MemberRole;
use super::principal::Principal;
use super::{Access, for_users, forbidden};
use crate::error::Result;
use crate::id::TenantId;
use crate::key;
use crate::store::{BoundRootKey, Failure, Rows};
use crate::verify::{invalid_credential, wrong_root_key};

/// The rights with which a call was authorized. It owns its data, so that another thread can check it in the
/// transaction in which it writes for the caller.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    access: Access,
    principal: Principal,
    tenant: Option<TenantId>,
    /// A permission that the request needs beyond the one in `access`.
    further: Option<&'static str>,
}

impl Grant {
    pub(super) fn new(access: Access, principal: Principal, tenant: Option<TenantId>) -> Self {
        Self { access, principal, tenant, further: None }
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(super) fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// The same rights, with one more permission required in the tenant.
    pub(crate) fn and(self, permission: &'static str) -> Self {
        Self { further: Some(permission), ..self }
    }

    /// The rights as `rows` have them at `now`, and the caller's role in the tenant.
    ///
    /// # Errors
    /// Those of authorizing a call: `unauthorized` if the credential is no longer valid, `not_found` if the tenant
    /// or the membership is gone, `forbidden` if the role or the scopes no longer suffice.
    pub(super) fn check(&self, rows: &Rows<'_>, now: i64) -> Result<(Self, Option<MemberRole>), Failure> {
        let principal = self.principal_now(rows, now)?;
        let role = match (self.access, self.tenant) {
            (Access::Tenant(_), Some(tenant)) => identity::role_in(rows, &principal, tenant)?,
            _ => None,
        };
        may_call(self.access, &principal, role)?;
        if let Some(permission) = self.further {
            identity::permit(&principal, role, permission)?;
        }
        Ok((Self { principal, ..self.clone() }, role))
    }

    /// [`check`](Self::check) for a transaction that is composed elsewhere.
    pub(crate) fn into_check(self) -> impl Fn(&Rows<'_>, i64) -> Result<(), Failure> + Send + 'static {
        move |rows, now| self.check(rows, now).map(drop)
    }

    /// The caller, if the credential is still valid.
    fn principal_now(&self, rows: &Rows<'_>, now: i64) -> Result<Principal, Failure> {
        match &self.principal {
            Principal::Operator | Principal::Anonymous => Ok(self.principal.clone()),
            Principal::User { id, session } => {
                let session = rows.session(*session)?;
                let is_active = session.is_some_and(|row| row.user_id == *id && row.is_active(now));
                is_active.then(|| self.principal.clone()).ok_or_else(|| invalid_credential().into())
            }
            Principal::RootKey { id, tenant, digest } => {
                let bound = BoundRootKey { id: *id, tenant: *tenant };
                if rows.root_key(digest)? == Some(bound) {
                    return Ok(self.principal.clone());
                }
                let is_key_manager = self.access == Access::KeyManager;
                Err(if is_key_manager { wrong_root_key() } else { invalid_credential() }.into())
            }
            Principal::ApiKey { digest, .. } => {
                let row = rows.key_by_digest(digest)?.filter(|row| key::is_valid(row, now));
                let row = row.ok_or_else(invalid_credential)?;
                Ok(Principal::ApiKey {
                    id: row.id,
                    tenant: row.tenant,
                    digest: *digest,
                    scopes: row.scopes.into(),
                })
            }
        }
    }
}

/// Checks that `principal`, with this role in the tenant of the call, has this access.
///
/// # Errors
/// `forbidden`.
pub(super) fn may_call(access: Access, principal: &Principal, role: Option<MemberRole>) -> Result<()> {
    match (access, principal) {
        (Access::KeyManager | Access::Public | Access::Known, _)
        | (Access::User | Access::UserOrOperator, Principal::User { .. })
        | (Access::UserOrOperator | Access::Operator, Principal::Operator)
        | (Access::RootKey, Principal::Operator | Principal::RootKey { .. }) => Ok(()),
        (Access::User | Access::UserOrOperator, _) => Err(for_users()),
        (Access::RootKey, _) => Err(forbidden("this call needs a root key")),
        (Access::Operator, _) => Err(forbidden("this call is for the operator only")),
        (Access::Tenant(permission), _) => identity::permit(principal, role, permission),
    }
}
