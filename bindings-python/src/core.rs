//! The core: every operation of the services as `call(name, json)`, for whoever the credential is of.

use gatekeeper::{Clock, Gatekeeper, GatekeeperError, Lane, Options, Secret};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::completion_queue::{Call, CompletionQueue, Receiver};
use crate::error::raised;
use crate::guard::guarded;
use crate::notice::log_created;
use crate::wait::waited;

/// A place, and for whom it is used. The native half of `gatekeeper.GatekeeperCore`.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct Core {
    /// The place as its operator has it.
    gatekeeper: Gatekeeper,
    /// The same for whoever calls.
    caller: Gatekeeper,
    clock: Clock,
}

#[pymethods]
impl Core {
    #[new]
    fn new(py: Python<'_>, url: &str, options: &str) -> PyResult<Self> {
        guarded(py, || {
            let open = || {
                let options = Options::from_json(options)?;
                let clock = options.clock.clone();
                let gatekeeper = Gatekeeper::open_with(url, options)?;
                Ok(Self { caller: gatekeeper.anonymous(), gatekeeper, clock })
            };
            py.detach(open).map_err(|error| raised(py, &error))
        })
    }

    /// The same database, called with a token, by the operator or anonymously; on behalf of a client address.
    fn acting(
        &self,
        py: Python<'_>,
        token: Option<&str>,
        operator: bool,
        client_address: Option<&str>,
    ) -> PyResult<Self> {
        let caller = match token {
            Some(token) => self.gatekeeper.with_token(&Secret::new(token)),
            None if operator => self.gatekeeper.operator().map_err(|error| raised(py, &error))?,
            None => self.gatekeeper.anonymous(),
        };
        let caller = client_address
            .map_or_else(|| caller.clone(), |client_address| caller.with_client_address(client_address));
        Ok(Self { gatekeeper: self.gatekeeper.clone(), caller, clock: self.clock.clone() })
    }

    /// Run the operation `name` on a request in JSON; the answer is JSON.
    fn call(&self, py: Python<'_>, name: &str, request: &str) -> PyResult<String> {
        guarded(py, || {
            let answer = waited(py, self.caller.call_json(name, request))?;
            log_created(py, &self.gatekeeper);
            answer.map_err(|error| raised(py, &error))
        })
    }

    /// The same, whose answer is left in `completion_queue` under `ticket`.
    fn call_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        name: String,
        request: String,
    ) -> PyResult<Call> {
        let (caller, lane) = (self.caller.clone(), Lane::of_operation(&name));
        let request = Secret::new(request);
        let work = async move { caller.call_json(&name, request.expose()).await };
        guarded(py, || Receiver(completion_queue, ticket).start(py, &self.caller, lane, work, self.deliver()))
    }

    /// The public keys of access tokens, as a JWK Set in JSON.
    fn jwks(&self, py: Python<'_>) -> PyResult<String> {
        guarded(py, || {
            let keys = waited(py, self.gatekeeper.jwks_async())?;
            log_created(py, &self.gatekeeper);
            keys.map(|keys| keys.to_string()).map_err(|error| raised(py, &error))
        })
    }

    /// The same, whose answer is left in `completion_queue` under `ticket`.
    fn jwks_later(&self, py: Python<'_>, completion_queue: &CompletionQueue, ticket: u64) -> PyResult<Call> {
        let gatekeeper = self.gatekeeper.clone();
        let work = async move { gatekeeper.jwks_async().await.map(|keys| keys.to_string()) };
        guarded(py, || {
            Receiver(completion_queue, ticket).start(
                py,
                &self.gatekeeper,
                Lane::Operation,
                work,
                self.deliver(),
            )
        })
    }

    /// What whoever runs the place should be told; each warning is given once.
    fn take_warning(&self) -> Option<String> {
        self.gatekeeper.take_warning()
    }

    /// Move the time of a place made with a manual clock.
    fn advance(&self, py: Python<'_>, ms: u64) -> PyResult<()> {
        match &self.clock {
            Clock::Manual(clock) => guarded(py, || {
                clock.advance(ms);
                Ok(())
            }),
            Clock::System => {
                let rejection =
                    GatekeeperError::bad_request("advance is for a place made with clock=\"manual\"");
                Err(raised(py, &rejection))
            }
        }
    }
}

impl Core {
    /// How an answer is delivered that was waited for elsewhere.
    fn deliver(
        &self,
    ) -> impl FnOnce(Python<'_>, gatekeeper::Result<String>) -> PyResult<Py<PyAny>> + Send + use<> {
        let gatekeeper = self.gatekeeper.clone();
        move |py, answer| {
            log_created(py, &gatekeeper);
            answer.map_err(|error| raised(py, &error))?.into_py_any(py)
        }
    }
}
