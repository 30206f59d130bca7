use serde::{Deserialize, Serialize};

use super::Tenant;
use crate::authz::{Access, Context, MemberRole, Principal};
use crate::error::Result;
use crate::operation::field::PageLimit;
use crate::operation::page::List;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Page, Route};
use crate::whole::Range as _;

/// Lists the user's tenants, or every tenant for the operator, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListTenants {
    /// The maximum number of items: 1 to 100. Larger values count as 100, and 0 as 1. Defaults to 50.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<PageLimit>))]
    #[serde(default, deserialize_with = "PageLimit::read")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the previous page. Defaults to the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl Operation for ListTenants {
    type Checked = Self;
    type Output = Page<Tenant>;
    const NAME: &'static str = "tenants.list";
    const ROUTE: Route = Route::new(Method::Get, "/v1/tenants", 200);
    const ACCESS: Access = Access::UserOrOperator;

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<Tenant>> {
        if matches!(context.principal(), Principal::Operator) {
            let list = List::new(context, "tenants".to_owned(), request.limit);
            let after = list.after(request.cursor.as_deref())?;
            let rows = context.read(|rows| rows.tenants(after, list.limit_and_one()))?;
            return list.page(rows, |row| row.id, |row| Tenant::new(row, None));
        }
        let user = context.user()?;
        let list = List::new(context, format!("tenants of {user}"), request.limit);
        let after = list.after(request.cursor.as_deref())?;
        let rows = context.read(|rows| rows.tenants_of(user, after, list.limit_and_one()))?;
        list.page(
            rows,
            |row| row.tenant.id,
            |row| {
                let role = MemberRole::parse(&row.role);
                Tenant::new(row.tenant, role)
            },
        )
    }
}
