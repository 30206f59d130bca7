use serde::{Deserialize, Serialize};

use super::ApiKey;
use crate::authz::{Access, Context, TenantRef, not_found};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::operation::field::PageLimit;
use crate::operation::page::List;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Page, Route};
use crate::whole::Range as _;

/// Lists the keys of a tenant, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListApiKeys {
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

/// Returns one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GetApiKey {
    /// The key's id.
    pub id: KeyId,
}

impl Operation for ListApiKeys {
    type Checked = Self;
    type Output = Page<ApiKey>;
    const NAME: &'static str = "keys.list";
    const ROUTE: Route = Route::new(Method::Get, "/v1/keys", 200);
    const ACCESS: Access = Access::Tenant("keys:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<ApiKey>> {
        let (tenant, now) = (request.tenant_id, context.now());
        let list = List::new(context, format!("keys of {tenant}"), request.limit);
        let after = list.after(request.cursor.as_deref())?;
        context.engine().move_last_uses();
        let mut part = context.read(|rows| rows.keys(tenant, after, list.bounds()))?;
        context.engine().with_last_uses(&mut part.rows);
        list.page_of(part, |row| row.id, |row| ApiKey::new(row, now))
    }
}

impl Operation for GetApiKey {
    type Checked = Self;
    type Output = ApiKey;
    const NAME: &'static str = "keys.get";
    const ROUTE: Route = Route::new(Method::Get, "/v1/keys/{id}", 200);
    const ACCESS: Access = Access::Tenant("keys:read");
    const POSITIONAL: &'static [&'static str] = &["id"];

    fn tenant(&self) -> TenantRef {
        TenantRef::OfKey(self.id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<ApiKey> {
        context.engine().move_last_uses();
        let mut key = context.read(|rows| rows.key(request.id))?;
        context.engine().with_last_uses(key.as_mut_slice());
        let key = key.filter(|key| context.tenant() == Some(key.tenant_id));
        ApiKey::new(key.ok_or_else(not_found)?, context.now())
    }
}
