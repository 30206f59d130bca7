//! Permissions of a user in a tenant.

use serde::{Deserialize, Serialize};

use crate::authz::{Access, Context, MemberRole, TenantRef};
use crate::error::{GatekeeperError, Result};
use crate::id::{TenantId, UserId};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};

/// Checks whether a user has a permission in a tenant. A user who is not a member has none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Can {
    /// The user's id.
    pub user_id: UserId,
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The permission, as `resource:action`.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::permission))]
    pub permission: String,
}

/// Lists the permissions of a user in a tenant as `resource:action`; an owner's list begins with `*:*`. A user who
/// is not a member has none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListPermissions {
    /// The user's id.
    pub user_id: UserId,
    /// The tenant's id.
    pub tenant_id: TenantId,
}

impl Operation for Can {
    type Checked = Self;
    type Output = bool;
    const NAME: &'static str = "permissions.can";
    const ROUTE: Route = Route::new(Method::Get, "/v1/permissions/can", 200);
    const ACCESS: Access = Access::Tenant("permissions:read");
    const POSITIONAL: &'static [&'static str] = &["userId", "tenantId", "permission"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        let parts: Vec<&str> = self.permission.split(':').collect();
        if matches!(parts[..], [resource, action] if !resource.is_empty() && !action.is_empty()) {
            return Ok(self);
        }
        Err(GatekeeperError::bad_request("permission must have the form resource:action"))
    }

    fn run(request: Self, context: &Context<'_>) -> Result<bool> {
        let role = role_of(context, request.tenant_id, request.user_id)?;
        Ok(role.is_some_and(|role| role.grants(&request.permission)))
    }
}

impl Operation for ListPermissions {
    type Checked = Self;
    type Output = Vec<String>;
    const NAME: &'static str = "permissions.list";
    const ROUTE: Route = Route::new(Method::Get, "/v1/permissions", 200);
    const ACCESS: Access = Access::Tenant("permissions:read");
    const POSITIONAL: &'static [&'static str] = &["userId", "tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Vec<String>> {
        let role = role_of(context, request.tenant_id, request.user_id)?;
        let permissions = role.map(MemberRole::permissions).unwrap_or_default();
        Ok(permissions.into_iter().map(str::to_owned).collect())
    }
}

fn role_of(context: &Context<'_>, tenant: TenantId, user: UserId) -> Result<Option<MemberRole>> {
    let role = context.read(|rows| rows.role_name(tenant, user))?;
    Ok(role.and_then(|role| MemberRole::parse(&role)))
}
