//! A verification against limits that travel with the request.

use std::fmt;

use crate::authz::Context;
use crate::error::Result;
use crate::operation::Begun;
use crate::secret::Secret;
use crate::verify::{CompiledEndpoint, KeysOf, Presented, Tenants, Verdict, Verification};

/// A verification with arguments that are checked. `Debug` does not show them.
pub struct Asked {
    pub(super) key: Secret,
    pub(super) endpoint: CompiledEndpoint,
    pub(super) variables: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) cost: u32,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl Asked {
    /// Verifies the key as far as that needs no I/O.
    pub(super) fn begin<T: 'static>(
        self,
        context: &Context<'_>,
        show: fn(&Context<'_>, Verdict) -> Result<T>,
    ) -> Result<Begun<T>> {
        let step = self.verification(context).begin(context.engine())?;
        let finish = move |context: &Context<'_>, need| {
            self.verification(context).supply_all(context.engine(), need, None)
        };
        Begun::verification(context, step, finish, show)
    }

    /// The verification. It accepts the keys of the root key's tenant; for the operator those of the tenant `default`, where
    /// a key manager creates keys.
    fn verification<'a>(&'a self, context: &Context<'_>) -> Verification<'a, String, String> {
        Verification {
            key: Presented::Key(self.key.expose()),
            keys_of: context.tenant().map_or(KeysOf::Operators(&Tenants::DEFAULT), KeysOf::Tenant),
            endpoint: Some(&self.endpoint),
            variables: &self.variables,
            scopes: &self.scopes,
            cost: self.cost,
        }
    }
}
