use serde::{Deserialize, Serialize};

use super::Tenant;
use crate::authz::{Access, Action, Context, Event, MemberRole, Principal};
use crate::error::Result;
use crate::id::TenantId;
use crate::operation::field::check_name;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};

/// Creates a tenant. Its owner is the calling user; a tenant that the operator creates has no owner yet. Users
/// cannot create tenants while sign-up is closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// The tenant's name: 1 to 256 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::name))]
    pub name: String,
}

impl Operation for CreateTenant {
    type Checked = Self;
    type Output = Tenant;
    const NAME: &'static str = "tenants.create";
    const ROUTE: Route = Route::new(Method::Post, "/v1/tenants", 201);
    const ACCESS: Access = Access::UserOrOperator;
    const SIGNS_UP: bool = true;
    const POSITIONAL: &'static [&'static str] = &["name"];

    fn check(self) -> Result<Self> {
        check_name("name", &self.name)?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Tenant> {
        let now = context.now();
        let owner = match context.principal() {
            Principal::Operator => None,
            _ => Some(context.user()?),
        };
        let id = TenantId::generate(context.clock())?;
        context.write(|tx, context| {
            tx.add_tenant(id, &request.name, now)?;
            if let Some(owner) = owner {
                tx.add_member(id, owner, MemberRole::Owner.as_str(), now)?;
            }
            context.audit(tx, Event::new(Action::TenantCreated).of_tenant(id).about(&id))
        })?;
        Ok(Tenant { id, name: request.name, role: owner.map(|_| MemberRole::Owner), created_at: now })
    }
}
