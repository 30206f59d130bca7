use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::authz::{Access, Action, Context, Event, not_found};
use crate::error::Result;
use crate::id::TenantId;
use crate::metering::Period;
use crate::operation::field::QuotaLimit;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};
use crate::store::Quota;
use crate::whole::Range as _;

/// Sets how much a tenant may use in an hour, a day or a month (UTC). It applies from the next check on; earlier
/// usage in the period counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = require_limit))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetTenantQuota {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The limit: 0 to 2⁵³ - 1, or `null` for no limit. Required, so that a forgotten field does not remove the
    /// limit.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<QuotaLimit>))]
    #[serde(deserialize_with = "QuotaLimit::read")]
    pub limit: Option<i64>,
    /// The period of the limit. Defaults to `month`.
    #[serde(default)]
    pub period: Period,
}

/// The quota of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TenantQuota {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The limit; none for no limit.
    pub limit: Option<i64>,
    /// The period of the limit.
    pub period: Period,
}

#[cfg(feature = "schema")]
fn require_limit(schema: &mut schemars::Schema) {
    if let Some(required) = schema.get_mut("required").and_then(serde_json::Value::as_array_mut)
        && !required.contains(&"limit".into())
    {
        required.push("limit".into());
    }
}

impl Operation for SetTenantQuota {
    type Checked = Self;
    type Output = TenantQuota;
    const NAME: &'static str = "platform.setTenantQuota";
    const ROUTE: Route = Route::new(Method::Put, "/v1/platform/tenants/{tenantId}/quota", 200);
    const ACCESS: Access = Access::Operator;
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn check(self) -> Result<Self> {
        QuotaLimit::check("limit", self.limit)?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<TenantQuota> {
        let Self { tenant_id, limit, period } = request;
        let said = Map::from_iter([("limit".to_owned(), json!(limit)), ("period".to_owned(), json!(period))]);
        context.write(|tx, context| {
            if tx.tenant(tenant_id)?.is_none() {
                return Err(not_found().into());
            }
            tx.set_tenant_quota(tenant_id, Quota { limit, period: period.as_str() })?;
            let event =
                Event::new(Action::TenantQuotaSet).of_tenant(tenant_id).about(&tenant_id).with(Some(said));
            context.audit(tx, event)
        })?;
        Ok(TenantQuota { tenant_id, limit, period })
    }
}
