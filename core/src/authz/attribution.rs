//! Who made a call, and in which tenant, for the log of a server.

use std::sync::OnceLock;

use super::principal::{ActorId, Principal};
use crate::id::TenantId;

/// Who made a call, and in which tenant: noted when the caller is known, also where the call is rejected after that. Of a
/// credential that is not valid nothing is noted.
#[derive(Debug, Default)]
pub struct Attribution {
    principal: OnceLock<(&'static str, Option<ActorId>)>,
    tenant: OnceLock<TenantId>,
}

impl Attribution {
    /// What kind of caller it was: `user`, `apiKey`, `rootKey`, `operator` or `anonymous`.
    #[must_use]
    pub fn principal(&self) -> Option<&'static str> {
        self.principal.get().map(|(kind, _)| *kind)
    }

    /// The id of the user or of the key.
    #[must_use]
    pub fn principal_id(&self) -> Option<String> {
        self.principal.get()?.1.map(|id| id.to_string())
    }

    /// The tenant of the key, or the one that the call was about.
    #[must_use]
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.get().copied()
    }

    /// The first caller counts: a request makes one call, or several by the same caller.
    pub(super) fn note(&self, principal: &Principal) {
        let _ = self.principal.set((principal.kind(), principal.id()));
        if let Some(tenant) = principal.bound_to() {
            self.note_tenant(tenant);
        }
    }

    pub(super) fn note_tenant(&self, tenant: TenantId) {
        let _ = self.tenant.set(tenant);
    }
}
