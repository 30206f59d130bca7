//! Verification against a set of endpoints, on an embedded backend.

use std::sync::Arc;

use super::credential::Credential;
use super::endpoints::CompiledEndpoints;
use super::engine::{OpenEngine, require_verdict};
use super::io::Io;
use super::tenants::KeysOf;
use super::tenants::Tenants;
use super::verdict::Verdict;
use crate::deadline;
use crate::error::{GatekeeperError, Result};
use crate::limit::Endpoints;

/// The maximum number of variables of a call, and of their bytes in total.
pub(crate) const MAX_VARIABLES: usize = 1000;
pub(crate) const MAX_VARIABLE_BYTES: usize = 8 * 1024;

/// Verifies keys of an embedded database.
#[derive(Clone)]
pub(crate) struct EmbeddedVerifier {
    engine: OpenEngine,
    credential: Arc<Credential>,
    endpoints: Arc<CompiledEndpoints>,
    /// The tenants whose keys the operator accepts. A root key accepts those of its tenant.
    tenants: Tenants,
}

impl EmbeddedVerifier {
    pub(crate) fn new(engine: OpenEngine, credential: Arc<Credential>, endpoints: Endpoints) -> Self {
        Self {
            endpoints: Arc::new(CompiledEndpoints::new(endpoints)),
            engine,
            credential,
            tenants: Tenants::DEFAULT,
        }
    }

    /// The same verifier for the keys of these tenants.
    ///
    /// # Errors
    /// `bad_request` with a root key.
    pub(crate) fn with_tenants(self, tenants: Tenants) -> Result<Self> {
        match *self.credential {
            Credential::Operator => Ok(Self { tenants, ..self }),
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
            None => self.verify_blocking(key, endpoint, variables),
        }
    }

    #[cold]
    fn verify_blocking<V: AsRef<str>>(&self, key: &str, endpoint: &str, variables: &[V]) -> Result<Verdict> {
        deadline::call(|| require_verdict(self.verify_with(key, endpoint, variables, Io::Allowed)?))
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
        let Some(tenant) = self.credential.tenant(&self.engine, &view, io)? else { return Ok(None) };
        let endpoint = self.endpoints.get(endpoint)?;
        check_variables(variables)?;
        let keys_of = tenant.map_or(KeysOf::Operators(&self.tenants), KeysOf::Tenant);
        self.engine.verify(key, endpoint, variables, keys_of, view, io)
    }
}

/// The error for a list of tenants with a root key.
pub(crate) fn tenants_of_root_key() -> GatekeeperError {
    GatekeeperError::bad_request("tenants: a root key accepts the keys of its own tenant: leave tenants out")
}

/// Rejects variables that exceed their bounds.
pub(crate) fn check_variables<V: AsRef<str>>(variables: &[V]) -> Result<()> {
    if variables.len() > MAX_VARIABLES {
        return Err(GatekeeperError::bad_request(format!(
            "variables: at most {MAX_VARIABLES} are allowed, not {}",
            variables.len()
        )));
    }
    if variables.iter().map(|variable| variable.as_ref().len()).sum::<usize>() > MAX_VARIABLE_BYTES {
        return Err(GatekeeperError::bad_request("variables: at most 8 KiB of UTF-8 are allowed together"));
    }
    Ok(())
}
