//! Valid keys of tenants whose keys no verification accepts.

use super::Gatekeeper;
use crate::error::Result;
use crate::verify::Tenants;

/// Valid keys of tenants that a gateway does not accept and that have no root key to verify them with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnacceptedKeys {
    /// The number of keys.
    pub keys: u64,
    /// The number of their tenants.
    pub tenants: u64,
}

impl Gatekeeper {
    /// Counts the valid keys of tenants that are not in `accepted` and have no root key. For the operator only.
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` for a server; `service_unavailable` if the store cannot be reached.
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
