//! Verification against a set of endpoints, in a place of your own.

use std::sync::Arc;

use super::caller::Caller;
use super::engine::{Io, OpenEngine, reached};
use super::targets::Targets;
use super::verdict::Verdict;
use crate::error::{GatekeeperError, Result};
use crate::limit::Endpoints;

/// The most variables of one call, and their most bytes together.
pub(crate) const MOST_VARIABLES: usize = 1000;
pub(crate) const MOST_VARIABLE_BYTES: usize = 8 * 1024;

/// Verifies keys of a place of your own.
pub(crate) struct OwnVerifier {
    engine: OpenEngine,
    caller: Arc<Caller>,
    targets: Targets,
}

impl OwnVerifier {
    pub(crate) fn new(engine: OpenEngine, caller: Arc<Caller>, endpoints: Endpoints) -> Self {
        Self { targets: Targets::new(endpoints), engine, caller }
    }

    #[inline]
    pub(crate) fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Verdict> {
        reached(self.verify_with(key, endpoint, variables, Io::Allowed)?)
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
        self.engine.verify(key, target, variables, tenant, view, io)
    }
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
