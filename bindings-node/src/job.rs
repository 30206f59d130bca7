//! What may wait for the disk: run on libuv's pool, or on the caller's thread where the caller asked for it.

use std::sync::Arc;

use gatekeeper::{Gatekeeper, GatekeeperError, Result, Secret, Verifier, VerifyOutput};
use napi::{Env, Task};

use crate::error::guarded;

/// A call that answers in JSON.
pub enum Job {
    /// An operation of the core's table.
    Operation { gatekeeper: Gatekeeper, name: String, request: Secret },
    /// A verification that has to ask the store.
    Verify { verifier: Arc<Verifier>, key: Secret, endpoint: String, variables: Vec<String> },
    /// The public keys of access tokens.
    Jwks { gatekeeper: Gatekeeper },
    /// The root key alone, for a call whose arguments are refused before the core sees them.
    CheckCaller { gatekeeper: Gatekeeper },
}

impl Job {
    /// Runs it on this thread.
    pub(crate) fn wait(&self) -> napi::Result<String> {
        guarded(|| self.answer())
    }

    fn answer(&self) -> Result<String> {
        match self {
            Self::Operation { gatekeeper, name, request } => {
                gatekeeper.call_json_blocking(name, request.expose())
            }
            Self::Verify { verifier, key, endpoint, variables } => {
                let verdict = verifier.verify(key.expose(), endpoint, variables)?;
                serde_json::to_string(&VerifyOutput::from(verdict)).map_err(GatekeeperError::internal)
            }
            Self::Jwks { gatekeeper } => gatekeeper.jwks().map(|keys| keys.to_string()),
            Self::CheckCaller { gatekeeper } => gatekeeper.check_caller().map(|()| "null".to_owned()),
        }
    }
}

impl Task for Job {
    type Output = String;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<String> {
        self.wait()
    }

    fn resolve(&mut self, _: Env, answer: String) -> napi::Result<String> {
        Ok(answer)
    }
}
