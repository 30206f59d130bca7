//! What may wait, for the disk or for a server: on threads of the core, never on libuv's, which files and names are waited
//! for on; or on the caller's thread where the caller asked for it.

use std::sync::{Arc, Mutex, PoisonError};

use gatekeeper::{
    BackgroundTask, ErrorKind, Gatekeeper, GatekeeperError, Lane, Result, Secret, Verifier, VerifyOutput,
};
use napi::bindgen_prelude::{JsValue as _, Unknown};
use napi::{Env, JsDeferred};
use napi_derive::napi;

use crate::error::{guarded, guarded_async, thrown, to_napi};

/// A call that answers in JSON.
pub(crate) struct Job {
    gatekeeper: Gatekeeper,
    work: Work,
}

enum Work {
    /// An operation of the core's table.
    Operation { name: String, request: Secret },
    /// A verification that has to ask the store or a server.
    Verify { verifier: Arc<Verifier>, key: Secret, endpoint: String, variables: Vec<String> },
    /// The public keys of access tokens.
    Jwks,
    /// The root key alone, for a call whose arguments are rejected before the core sees them.
    CheckCredential,
}

/// Gives a call up.
#[napi]
#[derive(Default)]
pub struct NativeAborter(Mutex<Option<BackgroundTask>>);

#[napi]
impl NativeAborter {
    /// One for one call, which is given it when it begins.
    #[napi(constructor, catch_unwind)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Breaks a request to a server off; what waits for the disk is not begun, unless it has.
    #[napi(catch_unwind)]
    pub fn abort(&self) {
        if let Some(task) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

/// How a promise is told the answer on its own thread.
type Resolver = Box<dyn FnOnce(Env) -> napi::Result<String> + Send>;

/// A promise that is settled, whatever happens: one that is not keeps the process alive.
struct Promised(Option<JsDeferred<String, Resolver>>);

impl Promised {
    fn settle(&mut self, answer: napi::Result<String>) {
        match (self.0.take(), answer) {
            (Some(deferred), Ok(answer)) => deferred.resolve(Box::new(move |_| Ok(answer))),
            (Some(deferred), Err(error)) => deferred.reject(error),
            (None, _) => (),
        }
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        let message = "the call was given up, or no thread could be started for it";
        self.settle(Err(to_napi(GatekeeperError::new(ErrorKind::ConnectionFailed, message))));
    }
}

impl Job {
    pub(crate) fn operation(gatekeeper: &Gatekeeper, name: String, request: String) -> Self {
        let work = Work::Operation { name, request: Secret::new(request) };
        Self { gatekeeper: gatekeeper.clone(), work }
    }

    pub(crate) fn verification(
        gatekeeper: &Gatekeeper,
        verifier: &Arc<Verifier>,
        key: String,
        endpoint: String,
        variables: Vec<String>,
    ) -> Self {
        let verifier = Arc::clone(verifier);
        let work = Work::Verify { verifier, key: Secret::new(key), endpoint, variables };
        Self { gatekeeper: gatekeeper.clone(), work }
    }

    pub(crate) fn jwks(gatekeeper: &Gatekeeper) -> Self {
        Self { gatekeeper: gatekeeper.clone(), work: Work::Jwks }
    }

    pub(crate) fn credential_check(gatekeeper: &Gatekeeper) -> Self {
        Self { gatekeeper: gatekeeper.clone(), work: Work::CheckCredential }
    }

    /// Begins it; what is returned is the promise of its answer.
    pub(crate) fn start<'env>(
        self,
        env: &'env Env,
        aborter: Option<&NativeAborter>,
    ) -> napi::Result<Unknown<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        let mut promised = Promised(Some(deferred));
        let (gatekeeper, lane) = (self.gatekeeper.clone(), self.lane());
        let work = async move { promised.settle(guarded_async(self.answer()).await) };
        // Where that fails the work is dropped, which rejects the promise.
        if let (Ok(task), Some(aborter)) = (gatekeeper.background(lane, work), aborter) {
            aborter.0.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
        }
        Ok(promise.to_unknown())
    }

    fn lane(&self) -> Lane {
        match &self.work {
            Work::Operation { name, .. } => Lane::of_operation(name),
            Work::Verify { .. } => Lane::LookUp,
            Work::Jwks | Work::CheckCredential => Lane::Operation,
        }
    }

    /// Runs it on this thread.
    pub(crate) fn wait(&self) -> napi::Result<String> {
        if self.gatekeeper.is_remote() {
            // Never a result: no argument is wrong.
            return Err(thrown(&GatekeeperError::bad_request(
                "this place is behind a network, for which this thread must not wait: await the function without Sync",
            )));
        }
        guarded(|| pollster::block_on(self.answer()))
    }

    async fn answer(&self) -> Result<String> {
        let gatekeeper = &self.gatekeeper;
        match &self.work {
            Work::Operation { name, request } => gatekeeper.call_json(name, request.expose()).await,
            Work::Verify { verifier, key, endpoint, variables } => {
                let verdict = verifier.verify_async(key.expose(), endpoint, variables).await?;
                serde_json::to_string(&VerifyOutput::from(verdict)).map_err(GatekeeperError::internal)
            }
            Work::Jwks => gatekeeper.jwks_async().await.map(|keys| keys.to_string()),
            Work::CheckCredential => gatekeeper.check_credential_async().await.map(|()| "null".to_owned()),
        }
    }
}
