use serde::{Deserialize, Serialize};

use super::{UsageEvent, UsageInput};
use crate::authz::{Access, Context, TenantRef};
use crate::error::{GatekeeperError, Result};
use crate::metering::{Asked, QuotaCheck};
use crate::operation::{Method, Operation, Route};

/// Records usage, even beyond a quota. The event is on disk when the call returns.
///
/// ```
/// use gatekeeper::blocking::Gatekeeper;
/// use gatekeeper::usage::{RecordUsage, UsageInput};
/// let gatekeeper = Gatekeeper::open("memory:")?;
/// let tenant = gatekeeper.create_root_key("Acme Inc")?.tenant_id;
/// let input = UsageInput { quantity: 3, ..UsageInput::new(tenant, "inference", "completion") };
/// let event = gatekeeper.call(RecordUsage(input))?;
/// assert_eq!(event.quantity, 3);
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RecordUsage(pub UsageInput);

/// Checks the quotas of the tenant and the API key, and records the usage, in one step. If a quota has no room,
/// nothing is recorded, and the error `plan_limit` has the [`QuotaCheck`] as `details.quota`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CheckAndRecordUsage(pub UsageInput);

/// A recorded event, and the state of the quota.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RecordedUsage {
    /// Always true: usage that is not allowed is an error.
    pub allowed: bool,
    /// The event. A repeated request returns the first one.
    pub event: UsageEvent,
    /// The quota, including this event.
    pub quota: QuotaCheck,
}

impl Operation for RecordUsage {
    type Checked = UsageInput;
    type Output = UsageEvent;
    const NAME: &'static str = "usage.record";
    const ROUTE: Route = Route::new(Method::Post, "/v1/usage/record", 201);
    const ACCESS: Access = Access::Tenant("usage:write");
    const IDEMPOTENT: bool = true;

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.0.tenant_id)
    }

    fn check(self) -> Result<UsageInput> {
        self.0.check()?;
        Ok(self.0)
    }

    fn run(input: UsageInput, context: &Context<'_>) -> Result<UsageEvent> {
        UsageEvent::from_row(input.record(context, Asked::ToRecord)?.event)
    }
}

impl Operation for CheckAndRecordUsage {
    type Checked = UsageInput;
    type Output = RecordedUsage;
    const NAME: &'static str = "usage.checkAndRecord";
    const ROUTE: Route = Route::new(Method::Post, "/v1/usage/check-and-record", 201);
    const ACCESS: Access = Access::Tenant("usage:write");
    const IDEMPOTENT: bool = true;

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.0.tenant_id)
    }

    fn check(self) -> Result<UsageInput> {
        self.0.check()?;
        Ok(self.0)
    }

    fn run(input: UsageInput, context: &Context<'_>) -> Result<RecordedUsage> {
        let recorded = input.record(context, Asked::ForRoom)?;
        let quota = recorded.quota.ok_or_else(|| GatekeeperError::internal("no quota was checked"))?;
        Ok(RecordedUsage { allowed: true, event: UsageEvent::from_row(recorded.event)?, quota })
    }
}
