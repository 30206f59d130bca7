//! Writing events to the audit log.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Context;
use super::action::Action;
use super::principal::Principal;
use crate::error::{GatekeeperError, Result};
use crate::id::{AuditId, SessionId, TenantId, UserId};
use crate::store::{AuditRow, Failure, Tx};

/// An event to be written to the audit log.
pub(crate) struct Event {
    action: Cow<'static, str>,
    tenant: Option<TenantId>,
    principal: Option<Principal>,
    target: Option<String>,
    metadata: Option<Map<String, Value>>,
}

impl Event {
    /// An event of Gatekeeper itself.
    pub(crate) fn new(action: Action) -> Self {
        Self::named(action.as_str().into())
    }

    /// An event of a caller, whose action has no reserved prefix.
    pub(crate) fn of_caller(action: String) -> Self {
        Self::named(action.into())
    }

    fn named(action: Cow<'static, str>) -> Self {
        Self { action, tenant: None, principal: None, target: None, metadata: None }
    }

    /// Sets the tenant of the event. Defaults to the tenant of the call.
    pub(crate) fn of_tenant(self, tenant: TenantId) -> Self {
        Self { tenant: Some(tenant), ..self }
    }

    /// Sets the actor to this user, for a call without a credential, such as a login.
    pub(crate) fn by_user(self, id: UserId, session: SessionId) -> Self {
        Self { principal: Some(Principal::User { id, session }), ..self }
    }

    /// Sets the object that the action was applied to.
    pub(crate) fn about(self, target: &impl ToString) -> Self {
        Self { target: Some(target.to_string()), ..self }
    }

    /// Sets further details. They must not contain secrets.
    pub(crate) fn with(self, metadata: Option<Map<String, Value>>) -> Self {
        Self { metadata, ..self }
    }
}

impl Context<'_> {
    /// Writes an event to the audit log, in the transaction of the change that it describes.
    pub(crate) fn audit(&self, tx: &Tx<'_>, event: Event) -> Result<(), Failure> {
        self.add_event(tx, event).map(drop)
    }

    /// Writes an event to the audit log, and returns its row.
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
