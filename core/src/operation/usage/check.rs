use serde::{Deserialize, Serialize};

use super::{key_of, one};
use crate::authz::{Access, Context, TenantRef, not_found};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::metering::{Ledger, QuotaCheck};
use crate::operation::field::Quantity;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};
use crate::whole::Range as _;

/// Checks whether a quota has room for this quantity now. A full quota is a result, not an error. Another caller
/// may use the quota before you record: `usage.checkAndRecord` does both in one step.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckQuota {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The quantity: 1 to 1,000,000,000. Defaults to 1.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Quantity>))]
    #[serde(default = "one", deserialize_with = "Quantity::read")]
    pub quantity: i64,
    /// The API key of the tenant whose quota is checked too. Defaults to none; if an API key calls, to itself. It
    /// can name another key only with the scope `keys:read`.
    #[serde(default)]
    pub api_key_id: Option<KeyId>,
}

impl CheckQuota {
    /// A check of a quantity of 1 against the tenant's quota.
    #[must_use]
    pub fn new(tenant_id: TenantId) -> Self {
        Self { tenant_id, quantity: one(), api_key_id: None }
    }
}

impl Operation for CheckQuota {
    type Checked = Self;
    type Output = QuotaCheck;
    const NAME: &'static str = "usage.check";
    const ROUTE: Route = Route::new(Method::Post, "/v1/usage/check", 200);
    const ACCESS: Access = Access::Tenant("usage:read");
    const POSITIONAL: &'static [&'static str] = &["tenantId", "quantity", "apiKeyId"];

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<Self> {
        Quantity::check("quantity", Some(self.quantity))?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<QuotaCheck> {
        let (tenant, key) = (request.tenant_id, key_of(context, request.api_key_id)?);
        let now = context.now();
        context.read(|rows| {
            let mut ledger = Ledger::new(rows, now);
            if let Some(key) = key
                && !ledger.has_key(tenant, key)?
            {
                return Err(not_found().into());
            }
            Ok(ledger.check(tenant, key, request.quantity)?.ok_or_else(not_found)?)
        })
    }
}
