use serde::{Deserialize, Serialize};

use super::Member;
use crate::authz::{Access, Action, Context, Event, MemberRole, Principal, TenantRef, forbidden, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{TenantId, UserId};
use crate::operation::{Method, Operation, Route};
use crate::store::{Failure, MemberRow, Tx};

/// Gives a member another role. The last owner stays one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateMember {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The user's id.
    pub user_id: UserId,
    /// Their role from now on; only an owner makes and unmakes owners.
    pub role: MemberRole,
}

/// Ends a membership: what the user had in the tenant, they have no more. The last owner stays.
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
    type Output = Member;
    const NAME: &'static str = "tenants.updateMember";
    const ROUTE: Route = Route::new(Method::Patch, "/v1/tenants/{tenantId}/members/{userId}", 200);
    const ACCESS: Access = Access::Tenant("members:write");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "userId", "role"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    async fn run(self, context: &Context<'_>) -> Result<Member> {
        let (tenant, user) = (self.tenant_id, self.user_id);
        let member = context.write(|tx, context| {
            may_give(context, self.role)?;
            changeable(context, tx, tenant, user, self.role)?;
            tx.set_role(tenant, user, self.role.as_str())?;
            context.audit(tx, Event::new(Action::MemberUpdated).about(&user))?;
            tx.member(tenant, user)
        })?;
        member.map(Member::from).ok_or_else(not_found)
    }
}

impl Operation for RemoveMember {
    type Output = ();
    const NAME: &'static str = "tenants.removeMember";
    const ROUTE: Route = Route::new(Method::Delete, "/v1/tenants/{tenantId}/members/{userId}", 200);
    const ACCESS: Access = Access::Tenant("members:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "userId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    async fn run(self, context: &Context<'_>) -> Result<()> {
        let (tenant, user) = (self.tenant_id, self.user_id);
        context.write(|tx, context| {
            // Everybody may leave.
            let leaves = matches!(context.principal(), Principal::User { id, .. } if *id == user);
            if !leaves {
                context.permit("members:write")?;
            }
            changeable(context, tx, tenant, user, MemberRole::Member)?;
            tx.remove_member(tenant, user)?;
            context.audit(tx, Event::new(Action::MemberRemoved).about(&user))
        })
    }
}

/// Lets the caller give `role`: only an owner makes owners, and an API key gives no role that can do more than it can.
pub(super) fn may_give(context: &Context<'_>, role: MemberRole) -> Result<()> {
    if role == MemberRole::Owner && !context.may("*:*") {
        return Err(forbidden("only an owner makes owners"));
    }
    if !role.permissions().iter().all(|permission| context.may(permission)) {
        return Err(forbidden("role: a caller can give only a role whose permissions the caller has"));
    }
    Ok(())
}

/// The member, if the caller may change them to `role`, and an owner remains.
fn changeable(
    context: &Context<'_>,
    tx: &Tx<'_>,
    tenant: TenantId,
    user: UserId,
    role: MemberRole,
) -> Result<MemberRow, Failure> {
    let owner = MemberRole::Owner.as_str();
    let member = tx.member(tenant, user)?.ok_or_else(not_found)?;
    if member.role == owner && role != MemberRole::Owner {
        may_give(context, MemberRole::Owner)?;
        if tx.count_members(tenant, owner)? <= 1 {
            let message = "a tenant keeps an owner: make somebody else one first";
            return Err(GatekeeperError::new(ErrorKind::Conflict, message).into());
        }
    }
    Ok(member)
}
