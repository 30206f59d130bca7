use serde::{Deserialize, Serialize};

use crate::authz::{Access, Context, TenantRef};
use crate::error::Result;
use crate::id::TenantId;
use crate::metering::Period;
use crate::operation::{Method, Operation, Route};
use crate::store::SumOf;

/// Returns how much a tenant has used in the current hour, day or month (UTC). It reads running totals, so that it
/// is as fast after many events as after few.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SummarizeUsage {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The period. Defaults to `month`.
    #[serde(default)]
    pub period: Period,
}

/// The usage of a tenant in a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsageSummary {
    /// The sum of the events' quantities.
    pub total_usage: i64,
    /// The number of events.
    pub event_count: i64,
    /// The period.
    pub period: Period,
    /// When the period began, Unix milliseconds.
    pub from: i64,
    /// When the next period begins, Unix milliseconds.
    pub to: i64,
}

impl Operation for SummarizeUsage {
    type Checked = Self;
    type Output = UsageSummary;
    const NAME: &'static str = "usage.summary";
    const ROUTE: Route = Route::new(Method::Get, "/v1/usage/summary", 200);
    const ACCESS: Access = Access::Tenant("usage:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "period"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<UsageSummary> {
        let period = request.period;
        let bucket = period.bucket(context.now());
        let subject = request.tenant_id.to_string();
        let of = SumOf { subject: &subject, period: period.as_str(), starts: bucket.starts };
        let sum = context.read(|rows| rows.usage_sum(&of))?;
        Ok(UsageSummary {
            total_usage: sum.quantity,
            event_count: sum.events,
            period,
            from: bucket.starts,
            to: bucket.ends,
        })
    }
}
