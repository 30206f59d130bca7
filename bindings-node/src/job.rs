//! Runs calls that may wait for the disk or a server: in the background of the core, or for a `…Sync` function on the
//! caller's thread. They never run on libuv's threads, which Node needs for files and DNS.

use std::sync::{Mutex, PoisonError};

use gatekeeper::blocking::{self, Gatekeeper};
use gatekeeper::internal::{BackgroundTask, Lane, PendingVerification};
use gatekeeper::{ErrorKind, GatekeeperError, Result, Secret};
use napi::bindgen_prelude::{JsValue as _, Unknown};
use napi::{Env, JsDeferred};
use napi_derive::napi;

use crate::convert::verdict;
use crate::error::{catch_panic, catch_panic_async, thrown, to_napi};

/// A call whose output is JSON.
pub(crate) struct Job {
    gatekeeper: Gatekeeper,
    work: Work,
}

enum Work {
    /// An operation of the core's table.
    Operation { name: String, request: Secret },
    /// What is left of a verification that needs the database or a server.
    Verification(PendingVerification),
    /// The public keys of access tokens.
    Jwks,
    /// A check of the root key only, for a call whose arguments the façade rejects.
    CheckCredential,
}

/// Aborts one call.
#[napi]
#[derive(Default)]
pub struct NativeAborter(Mutex<Option<BackgroundTask>>);

#[napi]
impl NativeAborter {
    /// Makes an aborter, to be passed to one call when it starts.
    #[napi(constructor, catch_unwind)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Aborts the call. A request to a server is cancelled; an operation on an embedded database is skipped unless it
    /// has started.
    #[napi(catch_unwind)]
    pub fn abort(&self) {
        if let Some(task) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

/// Converts the output on the promise's thread.
type Resolver = Box<dyn FnOnce(Env) -> napi::Result<String> + Send>;

/// A promise that is always settled: if the work is dropped, with an error. A pending promise would keep the process
/// alive.
struct Promise(Option<JsDeferred<String, Resolver>>);

impl Promise {
    fn settle(&mut self, result: napi::Result<String>) {
        match (self.0.take(), result) {
            (Some(deferred), Ok(output)) => deferred.resolve(Box::new(move |_| Ok(output))),
            (Some(deferred), Err(error)) => deferred.reject(error),
            (None, _) => (),
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let message = "the call was aborted, or no thread could be started for it";
        self.settle(Err(to_napi(GatekeeperError::new(ErrorKind::ConnectionFailed, message))));
    }
}

impl Job {
    pub(crate) fn operation(gatekeeper: &Gatekeeper, name: String, request: String) -> Self {
        let work = Work::Operation { name, request: Secret::new(request) };
        Self { gatekeeper: gatekeeper.clone(), work }
    }

    pub(crate) fn verification(gatekeeper: &Gatekeeper, pending: PendingVerification) -> Self {
        Self { gatekeeper: gatekeeper.clone(), work: Work::Verification(pending) }
    }

    pub(crate) fn jwks(gatekeeper: &Gatekeeper) -> Self {
        Self { gatekeeper: gatekeeper.clone(), work: Work::Jwks }
    }

    pub(crate) fn credential_check(gatekeeper: &Gatekeeper) -> Self {
        Self { gatekeeper: gatekeeper.clone(), work: Work::CheckCredential }
    }

    /// Starts the call in the background and returns the promise of its output.
    pub(crate) fn start<'env>(
        self,
        env: &'env Env,
        aborter: Option<&NativeAborter>,
    ) -> napi::Result<Unknown<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        let mut settled = Promise(Some(deferred));
        let (gatekeeper, lane) = (self.gatekeeper.clone(), self.lane());
        let work = async move { settled.settle(catch_panic_async(self.output()).await) };
        // If the work cannot be started, it is dropped, which rejects the promise.
        if let (Ok(task), Some(aborter)) = (gatekeeper.background(lane, work), aborter) {
            aborter.0.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
        }
        Ok(promise.to_unknown())
    }

    fn lane(&self) -> Lane {
        match &self.work {
            Work::Operation { name, .. } => Lane::of_operation(name),
            Work::Verification(_) => Lane::LookUp,
            Work::Jwks | Work::CheckCredential => Lane::Operation,
        }
    }

    /// Runs the call on this thread.
    pub(crate) fn wait(self) -> napi::Result<String> {
        if self.gatekeeper.is_remote() {
            // Thrown, never returned as a result: the arguments are right.
            return Err(thrown(&GatekeeperError::bad_request(
                "the …Sync functions cannot be used with a remote server: call the function without Sync and await it",
            )));
        }
        catch_panic(|| blocking::wait(self.output()))
    }

    async fn output(self) -> Result<String> {
        let gatekeeper = &self.gatekeeper;
        match self.work {
            Work::Operation { name, request } => {
                gatekeeper.backend().call_json(&name, request.expose()).await
            }
            Work::Verification(pending) => verdict::json(&pending.finish().await?),
            Work::Jwks => gatekeeper.backend().jwks().await.map(|keys| keys.to_string()),
            Work::CheckCredential => {
                gatekeeper.backend().check_credential().await.map(|()| "null".to_owned())
            }
        }
    }
}
