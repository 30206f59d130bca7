//! Verification against a set of endpoints, on an embedded backend.

use std::sync::Arc;

use super::caller::Caller;
use super::engine::{Io, OpenEngine, reached};
use super::find::KeysOf;
use super::targets::Targets;
use super::tenants::Tenants;
use super::verdict::Verdict;
use crate::error::{GatekeeperError, Result};
use crate::limit::Endpoints;
use crate::patience;

/// The most variables of one call, and their most bytes together.
pub(crate) const MOST_VARIABLES: usize = 1000;
pub(crate) const MOST_VARIABLE_BYTES: usize = 8 * 1024;

/// Verifies keys of a place of your own.
pub(crate) struct OwnVerifier {
    engine: OpenEngine,
    caller: Arc<Caller>,
    targets: Targets,
    /// Whose keys the operator accepts; a root key accepts those of its own tenant.
    tenants: Tenants,
}

impl OwnVerifier {
    pub(crate) fn new(engine: OpenEngine, caller: Arc<Caller>, endpoints: Endpoints) -> Self {
        Self { targets: Targets::new(endpoints), engine, caller, tenants: Tenants::DEFAULT }
    }

    /// The same for the keys of these tenants.
    ///
    /// # Errors
    /// `bad_request` for a caller who is bound to one tenant.
    pub(crate) fn with_tenants(self, tenants: Tenants) -> Result<Self> {
        match *self.caller {
            Caller::Operator => Ok(Self { tenants, ..self }),
            _ => Err(tenants_of_root_key()),
        }
    }

    #[inline]
    pub(crate) fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Verdict> {
        match self.verify_with(key, endpoint, variables, Io::Forbidden)? {
            Some(verdict) => Ok(verdict),
            None => self.verify_waiting(key, endpoint, variables),
        }
    }

    #[cold]
    fn verify_waiting<V: AsRef<str>>(&self, key: &str, endpoint: &str, variables: &[V]) -> Result<Verdict> {
        patience::call(|| reached(self.verify_with(key, endpoint, variables, Io::Allowed)?))
    }

    #[inline]
    pub(crate) fn try_verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Option<Verdict>> {
        self.verify_with(key, endpoint, variables, Io::Forbidden)
    }

    fn verify_with<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
        io: Io,
    ) -> Result<Option<Verdict>> {
        let Some(view) = self.engine.view(io)? else { return Ok(None) };
        let Some(tenant) = self.caller.tenant(&self.engine, &view, io)? else { return Ok(None) };
        let target = self.targets.get(endpoint)?;
        check_variables(variables)?;
        let keys_of = tenant.map_or(KeysOf::Operators(&self.tenants), KeysOf::Tenant);
        self.engine.verify(key, target, variables, keys_of, view, io)
    }
}

/// What a root key is told that names tenants.
pub(crate) fn tenants_of_root_key() -> GatekeeperError {
    GatekeeperError::bad_request("tenants: a root key accepts the keys of its own tenant: leave tenants out")
}

/// Refuses more variables than a slot's name takes in.
pub(crate) fn check_variables<V: AsRef<str>>(variables: &[V]) -> Result<()> {
    if variables.len() > MOST_VARIABLES {
        return Err(GatekeeperError::bad_request(format!(
            "variables: at most {MOST_VARIABLES} are allowed, not {}",
            variables.len()
        )));
    }
    if variables.iter().map(|variable| variable.as_ref().len()).sum::<usize>() > MOST_VARIABLE_BYTES {
        return Err(GatekeeperError::bad_request("variables: at most 8 KiB of UTF-8 are allowed together"));
    }
    Ok(())
}
