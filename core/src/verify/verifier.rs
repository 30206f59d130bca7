//! Verification against a set of endpoints.

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

/// Verifies keys against its endpoints. Share one among all threads.
pub struct Verifier {
    engine: OpenEngine,
    caller: Arc<Caller>,
    targets: Targets,
}

impl Verifier {
    pub(crate) fn new(engine: OpenEngine, caller: Arc<Caller>, endpoints: Endpoints) -> Self {
        Self { targets: Targets::new(endpoints), engine, caller }
    }

    /// Judges `key`, chooses its limit at `endpoint`, and takes one permit of its slot, which is the key, the endpoint
    /// and the `variables` in their order: at most 1,000, 8 KiB together.
    ///
    /// In the file place this may wait for the disk where the key was not seen before or something has changed.
    ///
    /// ```
    /// # use gatekeeper::{CreateKey, Endpoints, Gatekeeper, Verdict};
    /// # let gatekeeper = Gatekeeper::open("memory:")?;
    /// # let key = gatekeeper.call_blocking(CreateKey::new("user"))?.api_key;
    /// let endpoints = Endpoints::from_json(r#"{"GET_TASKS": {"default": {"maxReq": 10, "duration": 60000}}}"#)?;
    /// let verifier = gatekeeper.verifier(endpoints)?;
    /// match verifier.verify(key.expose(), "GET_TASKS", &["task_id"])? {
    ///     Verdict::Admitted(decision) => assert_eq!(decision.remaining(), 9),
    ///     Verdict::RateLimited(decision) => panic!("429: wait {} ms", decision.retry_after_ms()),
    ///     Verdict::InvalidKey => panic!("401"),
    /// }
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `unauthorized` for a root key that is wrong; `bad_request` for an endpoint that was never defined, and for
    /// variables out of bounds; `service_unavailable` where the store cannot be reached. In this order, and all of
    /// them before a word on the key.
    pub fn verify<V: AsRef<str>>(&self, key: &str, endpoint: &str, variables: &[V]) -> Result<Verdict> {
        reached(self.verify_with(key, endpoint, variables, Io::Allowed)?)
    }

    /// The same, if it can be said at once; nothing where the store has to be asked. For callers that must not wait:
    /// then call [`verify`](Self::verify) where waiting is allowed.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    pub fn try_verify<V: AsRef<str>>(
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
