use serde::{Deserialize, Serialize};

use super::member::Member;
use crate::authz::{Access, Action, Context, Event, MemberRole, Principal, TenantRef, forbidden, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{TenantId, UserId};
use crate::operation::{Method, Operation, Route};
use crate::store::{Failure, Tx};

/// Changes a member's role. The last owner keeps that role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateMember {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The user's id.
    pub user_id: UserId,
    /// The new role. Only an owner can change a member to or from `owner`.
    pub role: MemberRole,
}

/// Removes a member from a tenant. The user loses all access to it. The last owner cannot be removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveMember {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The user's id.
    pub user_id: UserId,
}

impl Operation for UpdateMember {
    type Checked = Self;
    type Output = Member;
    const NAME: &'static str = "tenants.updateMember";
    const ROUTE: Route = Route::new(Method::Patch, "/v1/tenants/{tenantId}/members/{userId}", 200);
    const ACCESS: Access = Access::Tenant("members:write");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "userId", "role"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Member> {
        let (tenant, user) = (request.tenant_id, request.user_id);
        let member = context.write(|tx, context| {
            may_give(context, request.role)?;
            check_change(context, tx, tenant, user, request.role)?;
            if !tx.set_role(tenant, user, request.role.as_str(), MemberRole::Owner.as_str())? {
                return Err(last_owner().into());
            }
            context.audit(tx, Event::new(Action::MemberUpdated).about(&user))?;
            tx.member(tenant, user)
        })?;
        member.map(Member::from).ok_or_else(not_found)
    }
}

impl Operation for RemoveMember {
    type Checked = Self;
    type Output = ();
    const NAME: &'static str = "tenants.removeMember";
    const ROUTE: Route = Route::new(Method::Delete, "/v1/tenants/{tenantId}/members/{userId}", 200);
    const ACCESS: Access = Access::Tenant("members:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "userId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<()> {
        let (tenant, user) = (request.tenant_id, request.user_id);
        context.write(|tx, context| {
            // Members can always remove themselves.
            let leaves = matches!(context.principal(), Principal::User { id, .. } if *id == user);
            if !leaves {
                context.permit("members:write")?;
            }
            check_change(context, tx, tenant, user, MemberRole::Member)?;
            if !tx.remove_member(tenant, user, MemberRole::Owner.as_str())? {
                return Err(last_owner().into());
            }
            context.audit(tx, Event::new(Action::MemberRemoved).about(&user))
        })
    }
}

/// Checks that the caller may assign `role`: only an owner can make owners, and an API key can assign only a role
/// whose permissions it has.
pub(super) fn may_give(context: &Context<'_>, role: MemberRole) -> Result<()> {
    if role == MemberRole::Owner && !context.may("*:*") {
        return Err(forbidden("role: only an owner can make owners"));
    }
    if !role.permissions().iter().all(|permission| context.may(permission)) {
        return Err(forbidden("role: a caller can assign only a role whose permissions the caller has"));
    }
    Ok(())
}

/// Checks that the member exists, and that the caller may change their role to `role`.
fn check_change(
    context: &Context<'_>,
    tx: &Tx<'_>,
    tenant: TenantId,
    user: UserId,
    role: MemberRole,
) -> Result<(), Failure> {
    tx.lock_tenant(tenant)?;
    let member = tx.member(tenant, user)?.ok_or_else(not_found)?;
    if member.role == MemberRole::Owner.as_str() && role != MemberRole::Owner {
        may_give(context, MemberRole::Owner)?;
    }
    Ok(())
}

fn last_owner() -> GatekeeperError {
    GatekeeperError::new(
        ErrorKind::Conflict,
        "a tenant must have an owner: make another member an owner first",
    )
}
