//! Keys that are valid and of no tenant whose keys anything accepts.

use super::Gatekeeper;
use crate::error::Result;
use crate::verify::Tenants;

/// Valid keys of tenants that a gateway does not accept and that have no root key to verify them with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnacceptedKeys {
    /// How many keys.
    pub keys: u64,
    /// Of how many tenants.
    pub tenants: u64,
}

impl Gatekeeper {
    /// Counts the valid keys that neither a verifier for `accepted` accepts nor one with a root key could. For the operator
    /// only.
    ///
    /// # Errors
    /// `forbidden` for anyone else; `bad_request` for a server; `service_unavailable` where the store cannot be reached.
    pub fn unaccepted_keys(&self, accepted: &Tenants) -> Result<UnacceptedKeys> {
        let operator = self.embedded("unaccepted_keys")?.as_operator()?;
        let counts = operator.read(|rows| rows.valid_keys_without_root_key(operator.now()))?;
        let others = counts.into_iter().filter(|(tenant, _)| !accepted.includes(*tenant));
        Ok(others.fold(UnacceptedKeys::default(), |sum, (_, keys)| UnacceptedKeys {
            keys: sum.keys + keys,
            tenants: sum.tenants + 1,
        }))
    }
}
