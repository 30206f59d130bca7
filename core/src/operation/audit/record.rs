use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::AuditEvent;
use crate::access::{Access, Context, Event, TenantRef};
use crate::error::{GatekeeperError, Result};
use crate::id::TenantId;
use crate::operation::field::{check_metadata, check_name, check_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};

/// Writes an event of your own into a tenant's audit log. Who did it is who calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditRecord {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// What was done, such as `invoice.paid`: 1 to 256 bytes, not beginning like one of ours (`user.`, `session.`,
    /// `tenant.`, `member.`, `key.`, `role.`).
    #[cfg_attr(feature = "schema", schemars(transform = bounds::action))]
    pub action: String,
    /// What it was done to: at most 256 bytes. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub target: Option<String>,
    /// Anything of yours: an object of at most 8 KiB of JSON. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// What our own events begin with: nobody else writes one.
pub(crate) const OURS: [&str; 6] = ["user.", "session.", "tenant.", "member.", "key.", "role."];

impl Operation for AuditRecord {
    type Output = AuditEvent;
    const NAME: &'static str = "audit.record";
    const ROUTE: Route = Route::new(Method::Post, "/v1/audit", 201);
    const ACCESS: Access = Access::Tenant("audit:write");

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(&self) -> Result<()> {
        check_name("action", &self.action)?;
        if OURS.iter().any(|ours| self.action.starts_with(ours)) {
            return Err(GatekeeperError::bad_request(format!(
                "action must not begin with {}: those are written here alone",
                OURS.join(", ")
            )));
        }
        check_text("target", self.target.as_deref())?;
        check_metadata(self.metadata.as_ref())
    }

    async fn run(self, context: &Context<'_>) -> Result<AuditEvent> {
        let mut event = Event::new(self.action).with(self.metadata);
        if let Some(target) = self.target {
            event = event.about(&target);
        }
        let row = context.write(|tx, context| context.add_event(tx, event))?;
        AuditEvent::from_row(row)
    }
}
