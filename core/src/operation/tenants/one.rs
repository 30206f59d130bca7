use serde::{Deserialize, Serialize};

use super::Tenant;
use crate::authz::{Access, Action, Context, Event, TenantRef, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::TenantId;
use crate::operation::field::check_name;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};
use crate::store::DEFAULT_TENANT;

/// Returns one tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetTenant {
    /// The tenant's id.
    pub tenant_id: TenantId,
}

/// Changes the given fields of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateTenant {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The new name: 1 to 256 bytes. Defaults to the current name.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::name))]
    #[serde(default)]
    pub name: Option<String>,
}

/// Deletes a tenant with its members, keys and usage. Its keys are revoked at once. The rows of a large tenant are
/// deleted later, in batches, so that no other call waits. The audit log is kept. The tenant `default` cannot be
/// deleted: a key manager without a root key creates its keys there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveTenant {
    /// The tenant's id.
    pub tenant_id: TenantId,
}

impl Operation for GetTenant {
    type Checked = Self;
    type Output = Tenant;
    const NAME: &'static str = "tenants.get";
    const ROUTE: Route = Route::new(Method::Get, "/v1/tenants/{tenantId}", 200);
    const ACCESS: Access = Access::Tenant("tenants:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Tenant> {
        let tenant = context.read(|rows| rows.tenant(request.tenant_id))?;
        tenant.map(|tenant| Tenant::new(tenant, context.role())).ok_or_else(not_found)
    }
}

impl Operation for UpdateTenant {
    type Checked = Self;
    type Output = Tenant;
    const NAME: &'static str = "tenants.update";
    const ROUTE: Route = Route::new(Method::Patch, "/v1/tenants/{tenantId}", 200);
    const ACCESS: Access = Access::Tenant("tenants:update");
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        self.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Tenant> {
        let tenant = context.write(|tx, context| {
            if let Some(name) = &request.name {
                tx.rename_tenant(request.tenant_id, name)?;
                context.audit(tx, Event::new(Action::TenantUpdated).about(&request.tenant_id))?;
            }
            let tenant = tx.tenant(request.tenant_id)?;
            Ok(tenant.map(|tenant| Tenant::new(tenant, context.role())))
        })?;
        tenant.ok_or_else(not_found)
    }
}

impl Operation for RemoveTenant {
    type Checked = Self;
    type Output = ();
    const NAME: &'static str = "tenants.remove";
    const ROUTE: Route = Route::new(Method::Delete, "/v1/tenants/{tenantId}", 200);
    const ACCESS: Access = Access::Tenant("tenants:delete");
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<()> {
        if request.tenant_id == DEFAULT_TENANT {
            return Err(GatekeeperError::new(
                ErrorKind::Conflict,
                "the tenant default cannot be deleted: a key manager without a root key creates its keys there. Revoke \
                 its keys instead",
            ));
        }
        context.write(|tx, context| {
            tx.remove_tenant(request.tenant_id, context.now())?;
            context.audit(tx, Event::new(Action::TenantRemoved).about(&request.tenant_id))
        })?;
        context.delete_removed();
        Ok(())
    }
}
