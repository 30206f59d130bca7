//! The caller and the tenant of a call, for a server's log.

use std::sync::OnceLock;

use super::principal::{ActorId, Principal};
use crate::id::TenantId;

/// The caller and the tenant of a call. They are recorded once the credential is known to be valid, also if the
/// call is rejected later. Nothing is recorded of an invalid credential.
#[derive(Debug, Default)]
pub struct Attribution {
    principal: OnceLock<(&'static str, Option<ActorId>)>,
    tenant: OnceLock<TenantId>,
}

impl Attribution {
    /// The kind of the caller: `user`, `apiKey`, `rootKey`, `operator` or `anonymous`.
    #[must_use]
    pub fn principal(&self) -> Option<&'static str> {
        self.principal.get().map(|(kind, _)| *kind)
    }

    /// The id of the user or of the key.
    #[must_use]
    pub fn principal_id(&self) -> Option<String> {
        self.principal.get()?.1.map(|id| id.to_string())
    }

    /// The tenant of the key, or the tenant of the call.
    #[must_use]
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.get().copied()
    }

    /// Records the principal, unless one is recorded already: a request makes one call, or several by the same
    /// caller.
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
