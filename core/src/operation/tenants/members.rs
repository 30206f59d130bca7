use serde::{Deserialize, Serialize};

use super::member::Member;
use super::roles::may_give;
use crate::authz::{Access, Action, Context, Event, MemberRole, TenantRef, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{TenantId, UserId};
use crate::operation::field::PageLimit;
use crate::operation::page::List;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Page, Route};
use crate::whole::Range as _;

/// Adds a user to a tenant as a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddMember {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The user's id.
    pub user_id: UserId,
    /// The member's role. Only an owner can add owners. Defaults to `member`.
    #[serde(default = "member")]
    pub role: MemberRole,
}

/// Lists the members of a tenant, in the order in which they signed up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListMembers {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The maximum number of items: 1 to 100. Larger values count as 100, and 0 as 1. Defaults to 50.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<PageLimit>))]
    #[serde(default, deserialize_with = "PageLimit::read")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the previous page. Defaults to the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

fn member() -> MemberRole {
    MemberRole::Member
}

impl Operation for AddMember {
    type Checked = Self;
    type Output = Member;
    const NAME: &'static str = "tenants.addMember";
    const ROUTE: Route = Route::new(Method::Post, "/v1/tenants/{tenantId}/members", 201);
    const ACCESS: Access = Access::Tenant("members:write");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "userId", "role"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Member> {
        let (tenant, user, now) = (request.tenant_id, request.user_id, context.now());
        let member = context.write(|tx, context| {
            may_give(context, request.role)?;
            if tx.user(user)?.is_none() {
                return Err(not_found().into());
            }
            let role = request.role.as_str();
            if !context.within_bounds(tx, tenant, |tx| tx.add_member(tenant, user, role, now))? {
                return Err(GatekeeperError::new(
                    ErrorKind::Conflict,
                    "userId is already a member of this tenant",
                )
                .into());
            }
            context.audit(tx, Event::new(Action::MemberAdded).about(&user))?;
            tx.member(tenant, user)
        })?;
        member.map(Member::from).ok_or_else(not_found)
    }
}

impl Operation for ListMembers {
    type Checked = Self;
    type Output = Page<Member>;
    const NAME: &'static str = "tenants.listMembers";
    const ROUTE: Route = Route::new(Method::Get, "/v1/tenants/{tenantId}/members", 200);
    const ACCESS: Access = Access::Tenant("members:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<Member>> {
        let tenant = request.tenant_id;
        let list = List::new(context, format!("members of {tenant}"), request.limit);
        let after = list.after(request.cursor.as_deref())?;
        let rows = context.read(|rows| rows.members(tenant, after, list.limit_and_one()))?;
        list.page(rows, |row| row.user_id, Member::from)
    }
}
