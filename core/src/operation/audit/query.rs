use serde::{Deserialize, Serialize};

use super::{AuditEvent, list_of};
use crate::authz::{Access, Context, TenantRef};
use crate::error::Result;
use crate::id::TenantId;
use crate::operation::field::{Moment, PageLimit, check_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Page, Route};
use crate::store::AuditFilter;
use crate::whole::Range as _;

/// Lists the events of a tenant, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditQuery {
    /// The tenant's id. The operator can omit it: then events of all tenants, and those outside any tenant, are
    /// listed.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// Only events of this actor. Defaults to all actors.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_id: Option<String>,
    /// Only actions with this prefix, such as `key.`. Defaults to all actions.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub action_prefix: Option<String>,
    /// Only events at or after this time, Unix milliseconds. Defaults to the beginning.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub start_timestamp: Option<i64>,
    /// Only events before this time, Unix milliseconds. Defaults to now.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub end_timestamp: Option<i64>,
    /// The maximum number of items: 1 to 100. Larger values count as 100, and 0 as 1. Defaults to 50.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<PageLimit>))]
    #[serde(default, deserialize_with = "PageLimit::read")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the previous page. Defaults to the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl Operation for AuditQuery {
    type Checked = Self;
    type Output = Page<AuditEvent>;
    const NAME: &'static str = "audit.query";
    const ROUTE: Route = Route::new(Method::Get, "/v1/audit", 200);
    const ACCESS: Access = Access::Tenant("audit:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Selected(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        check_text("actorId", self.actor_id.as_deref())?;
        check_text("actionPrefix", self.action_prefix.as_deref())?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<AuditEvent>> {
        let tenant = request.tenant_id;
        let list = list_of(context, tenant, request.limit);
        let before = list.after(request.cursor.as_deref())?;
        let filter = AuditFilter {
            actor_id: request.actor_id,
            action_prefix: request.action_prefix,
            from: request.start_timestamp,
            to: request.end_timestamp,
        };
        let part = context.read(|rows| rows.audit_events(tenant, &filter, before, list.bounds()))?;
        list.page_of(part, |row| row.id, AuditEvent::from_row)
    }
}
