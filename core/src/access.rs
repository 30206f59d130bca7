//! Who may call an operation, and for whom it then acts.

use crate::error::Result;
use crate::id::TenantId;
use crate::store::DEFAULT_TENANT;
use crate::verify::{Caller, Engine};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// A root key, for its tenant; in a place of your own also the operator, for every tenant. The caller is judged
    /// before the arguments are.
    KeyManager,
}

/// What an operation runs in: a place, and a caller who was let in.
pub struct Context<'a> {
    engine: &'a Engine,
    tenant: Option<TenantId>,
}

impl<'a> Context<'a> {
    /// Lets `caller` in, or says why not.
    pub(crate) fn admit(engine: &'a Engine, caller: &Caller, access: Access) -> Result<Self> {
        match access {
            Access::KeyManager => Ok(Self { engine, tenant: caller.tenant_now(engine)? }),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine
    }

    /// The one tenant the caller is bound to; none for the operator.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// The tenant that what is created belongs to.
    pub(crate) fn home(&self) -> TenantId {
        self.tenant.unwrap_or(DEFAULT_TENANT)
    }
}
