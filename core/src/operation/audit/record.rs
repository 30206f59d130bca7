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

/// Writes an application event to a tenant's audit log. The event's actor is the caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditRecord {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// What happened, such as `invoice.paid`: 1 to 256 bytes. Must not begin with a prefix that Gatekeeper's own
    /// events use (`user.`, `session.`, `tenant.`, `member.`, `key.`, `role.`, `root_key.`, `signing_key.`).
    #[cfg_attr(feature = "schema", schemars(transform = bounds::action))]
    pub action: String,
    /// The object that the action was applied to: at most 256 bytes. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub target: Option<String>,
    /// The actor, if it is not the caller: at most 256 bytes, stored in `metadata`. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_id: Option<String>,
    /// The kind of that actor: at most 256 bytes, stored in `metadata`. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_type: Option<String>,
    /// The kind of the object: at most 256 bytes, stored in `metadata`. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub resource_type: Option<String>,
    /// The id of the object: at most 256 bytes, stored in `metadata`. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub resource_id: Option<String>,
    /// Your own metadata: an object of at most 8 KiB of JSON, including the fields above that are stored in it.
    /// Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

impl Operation for AuditRecord {
    type Checked = NewEvent;
    type Output = AuditEvent;
    const NAME: &'static str = "audit.record";
    const ROUTE: Route = Route::new(Method::Post, "/v1/audit", 201);
    const ACCESS: Access = Access::Tenant("audit:write");

    fn tenant(&self) -> TenantRef {
        TenantRef::Given(self.tenant_id)
    }

    fn check(self) -> Result<NewEvent> {
        check_name("action", &self.action)?;
        if is_ours(&self.action) {
            return Err(GatekeeperError::bad_request(format!(
                "action must not begin with {}: these prefixes are reserved",
                RESOURCES.map(|resource| format!("{resource}.")).join(", ")
            )));
        }
        check_text("target", self.target.as_deref())?;
        for (name, value) in self.said() {
            check_text(name, value)?;
        }
        let metadata = self.metadata()?;
        check_metadata(metadata.as_ref())?;
        Ok(NewEvent { tenant: self.tenant_id, action: self.action, target: self.target, metadata })
    }

    fn run(new: NewEvent, context: &Context<'_>) -> Result<AuditEvent> {
        context.count_event(new.tenant)?;
        let mut event = Event::of_caller(new.action).with(new.metadata);
        if let Some(target) = new.target {
            event = event.about(&target);
        }
        let row = context.write(|tx, context| context.add_event(tx, event))?;
        AuditEvent::from_row(row)
    }
}

/// An [`AuditRecord`] whose fields are valid. Those that say more about the event are part of the metadata.
#[derive(Debug)]
pub struct NewEvent {
    tenant: TenantId,
    action: String,
    target: Option<String>,
    metadata: Option<Map<String, Value>>,
}

impl AuditRecord {
    /// The fields that become part of the metadata. The actor of the event itself is always the caller.
    fn said(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("actorId", self.actor_id.as_deref()),
            ("actorType", self.actor_type.as_deref()),
            ("resourceType", self.resource_type.as_deref()),
            ("resourceId", self.resource_id.as_deref()),
        ]
    }

    /// The metadata with these fields in it.
    ///
    /// # Errors
    /// `bad_request` if a field is also in the given metadata.
    fn metadata(&self) -> Result<Option<Map<String, Value>>> {
        let mut metadata = self.metadata.clone();
        for (name, value) in self.said() {
            let Some(value) = value else { continue };
            if metadata.get_or_insert_default().insert(name.to_owned(), value.into()).is_some() {
                return Err(GatekeeperError::bad_request(format!(
                    "{name} must not be both a field and in metadata"
                )));
            }
        }
        Ok(metadata)
    }
}
