use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::AuditEvent;
use crate::authz::{Access, Context, Event, RESOURCES, TenantRef, is_ours};
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
    /// What was done, such as `invoice.paid`: 1 to 256 bytes, not beginning like an event of Gatekeeper itself (`user.`,
    /// `session.`, `tenant.`, `member.`, `key.`, `role.`, `root_key.`, `signing_key.`).
    #[cfg_attr(feature = "schema", schemars(transform = bounds::action))]
    pub action: String,
    /// What it was done to: at most 256 bytes. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub target: Option<String>,
    /// Who did it, where that is not who calls: at most 256 bytes, kept in `metadata`. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_id: Option<String>,
    /// What kind of actor that is: at most 256 bytes, kept in `metadata`. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_type: Option<String>,
    /// What kind of thing it was done to: at most 256 bytes, kept in `metadata`. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub resource_type: Option<String>,
    /// The id of that thing: at most 256 bytes, kept in `metadata`. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub resource_id: Option<String>,
    /// Anything of yours: an object of at most 8 KiB of JSON, with all that is kept in it. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

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
        if is_ours(&self.action) {
            return Err(GatekeeperError::bad_request(format!(
                "action must not begin with {}: Gatekeeper alone writes those",
                RESOURCES.map(|resource| format!("{resource}.")).join(", ")
            )));
        }
        check_text("target", self.target.as_deref())?;
        for (name, value) in self.said() {
            check_text(name, value)?;
        }
        check_metadata(self.metadata()?.as_ref())
    }

    async fn run(self, context: &Context<'_>) -> Result<AuditEvent> {
        context.count_event(self.tenant_id)?;
        let metadata = self.metadata()?;
        let mut event = Event::of_caller(self.action).with(metadata);
        if let Some(target) = self.target {
            event = event.about(&target);
        }
        let row = context.write(|tx, context| context.add_event(tx, event))?;
        AuditEvent::from_row(row)
    }
}

impl AuditRecord {
    /// What a caller may say of an event beside its metadata, of which it becomes a part: the audit log itself says who calls.
    fn said(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("actorId", self.actor_id.as_deref()),
            ("actorType", self.actor_type.as_deref()),
            ("resourceType", self.resource_type.as_deref()),
            ("resourceId", self.resource_id.as_deref()),
        ]
    }

    /// The metadata with what is said beside it.
    ///
    /// # Errors
    /// `bad_request` for what is said twice.
    fn metadata(&self) -> Result<Option<Map<String, Value>>> {
        let mut metadata = self.metadata.clone();
        for (name, value) in self.said() {
            let Some(value) = value else { continue };
            if metadata.get_or_insert_default().insert(name.to_owned(), value.into()).is_some() {
                return Err(GatekeeperError::bad_request(format!("{name} is in metadata too: give it once")));
            }
        }
        Ok(metadata)
    }
}
