//! What the audit log is told.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Context;
use super::action::Action;
use super::principal::Principal;
use crate::error::{GatekeeperError, Result};
use crate::id::{AuditId, SessionId, TenantId, UserId};
use crate::store::{AuditRow, Failure, Tx};

/// Something that was done, or rejected, and is worth knowing.
pub(crate) struct Event {
    action: Cow<'static, str>,
    tenant: Option<TenantId>,
    principal: Option<Principal>,
    target: Option<String>,
    metadata: Option<Map<String, Value>>,
}

impl Event {
    /// One of our own.
    pub(crate) fn new(action: Action) -> Self {
        Self::named(action.as_str().into())
    }

    /// One that a caller records, by a name that is not ours.
    pub(crate) fn of_caller(action: String) -> Self {
        Self::named(action.into())
    }

    fn named(action: Cow<'static, str>) -> Self {
        Self { action, tenant: None, principal: None, target: None, metadata: None }
    }

    /// It concerns this tenant. By default that of the call.
    pub(crate) fn of_tenant(self, tenant: TenantId) -> Self {
        Self { tenant: Some(tenant), ..self }
    }

    /// It was this user, who had no credential yet.
    pub(crate) fn by_user(self, id: UserId, session: SessionId) -> Self {
        Self { principal: Some(Principal::User { id, session }), ..self }
    }

    /// What it was done to.
    pub(crate) fn about(self, target: &impl ToString) -> Self {
        Self { target: Some(target.to_string()), ..self }
    }

    /// What else there is to say; no secrets.
    pub(crate) fn with(self, metadata: Option<Map<String, Value>>) -> Self {
        Self { metadata, ..self }
    }
}

impl Context<'_> {
    /// Writes an event to the audit log, in the transaction of what it tells of.
    pub(crate) fn audit(&self, tx: &Tx<'_>, event: Event) -> Result<(), Failure> {
        self.add_event(tx, event).map(drop)
    }

    /// The same; gives back what was written.
    pub(crate) fn add_event(&self, tx: &Tx<'_>, event: Event) -> Result<AuditRow, Failure> {
        let principal = event.principal.as_ref().unwrap_or_else(|| self.principal());
        let metadata = event.metadata.as_ref().map(serde_json::to_string).transpose();
        let row = AuditRow {
            id: AuditId::generate(self.clock())?,
            tenant_id: event.tenant.or_else(|| self.tenant()),
            actor_type: principal.kind().into(),
            actor_id: principal.id().map(|id| id.to_string()),
            action: event.action.into_owned(),
            target: event.target,
            metadata: metadata.map_err(GatekeeperError::internal)?,
            source: self.client_address().map(str::to_owned),
            created_at: self.now(),
        };
        tx.add_audit_event(&row)?;
        Ok(row)
    }
}
