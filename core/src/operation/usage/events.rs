use serde::{Deserialize, Serialize};

use super::UsageEvent;
use crate::authz::{Access, Context, TenantRef, not_found};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::operation::field::PageLimit;
use crate::operation::page::List;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Page, Route};
use crate::whole::Range as _;

/// Lists the usage events of a tenant, or of one of its API keys, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListUsageEvents {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// Only usage with this API key, which may have been deleted since. Defaults to all keys.
    #[serde(default)]
    pub api_key_id: Option<KeyId>,
    /// The maximum number of items: 1 to 100. Larger values count as 100, and 0 as 1. Defaults to 50.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<PageLimit>))]
    #[serde(default, deserialize_with = "PageLimit::read")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the previous page. Defaults to the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl Operation for ListUsageEvents {
    type Checked = Self;
    type Output = Page<UsageEvent>;
    const NAME: &'static str = "usage.events";
    const ROUTE: Route = Route::new(Method::Get, "/v1/usage/events", 200);
    const ACCESS: Access = Access::Tenant("usage:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<UsageEvent>> {
        let (tenant, key) = (request.tenant_id, request.api_key_id);
        let name = match key {
            None => format!("usage of {tenant}"),
            Some(key) => format!("usage of {tenant} with {key}"),
        };
        let list = List::new(context, name, request.limit);
        let before = list.after(request.cursor.as_deref())?;
        let part = context.read(|rows| {
            let events = rows.usage_events(tenant, key, before, list.bounds())?;
            if events.rows.is_empty()
                && before.is_none()
                && let Some(key) = key
                && rows.key_quota(key)?.is_none_or(|key| key.tenant != tenant)
            {
                // The tenant has no such key, and no usage with one.
                return Err(not_found().into());
            }
            Ok(events)
        })?;
        list.page_of(part, |row| row.id, UsageEvent::from_row)
    }
}
