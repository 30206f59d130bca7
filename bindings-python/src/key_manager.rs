//! The native key manager: verification as native methods, every other operation as `call(name, json)`.

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::internal::{Lane, StartedVerification};
use gatekeeper::{Clock, Endpoints, GatekeeperError, Result, Secret, Tenants};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::completion_queue::{Call, CompletionQueue, Receiver};
use crate::convert::{self, Given};
use crate::core::Core;
use crate::error::{to_py_err, to_rejection};
use crate::notice::log_created;
use crate::panic::catch_panic;
use crate::verification::{Pending, PendingResult, Request};
use crate::verify_result::to_result;
use crate::wait::block_on;

/// A database or server, the credential to use there, and endpoints. The native base of `gatekeeper.KeyManager`.
#[pyclass(frozen, subclass, module = "gatekeeper._native")]
pub(crate) struct KeyManager {
    gatekeeper: Gatekeeper,
    verifier: Verifier,
    clock: Clock,
}

#[pymethods]
impl KeyManager {
    #[new]
    fn new(
        py: Python<'_>,
        endpoints: &str,
        core: &Core,
        root_api_key: Option<&Bound<'_, PyAny>>,
        tenants: Option<&str>,
    ) -> PyResult<Self> {
        let make = || -> Result<Self> {
            let gatekeeper = match root_api_key.map(convert::root_key).transpose()? {
                Some(root_key) => core.gatekeeper.with_root_key(&root_key),
                None => core.gatekeeper.clone(),
            };
            let mut verifier = gatekeeper.verifier(Endpoints::from_json(endpoints)?)?;
            if let Some(tenants) = tenants {
                verifier = verifier.with_tenants(Tenants::from_json(tenants)?)?;
            }
            Ok(Self { gatekeeper, verifier, clock: core.clock.clone() })
        };
        catch_panic(py, || make().map_err(|error| to_py_err(py, &error)))
    }

    /// Verify a user's key, select the limit by its roles, and count the request against it.
    ///
    /// Args:
    ///     user_api_key: The key as the user sent it; None for a request without a key. Anything that is not an active
    ///         key is reported as not valid.
    ///     endpoint_name: One of the endpoints given to `init_key_manager`.
    ///     variables: A list or tuple of strings, such as the id of a task. Each distinct list has a window of its own:
    ///         never pass unchecked client input. At most 1,000, with 8 KiB of UTF-8 in total. Defaults to none.
    ///     scopes: The scopes that the key must have, such as `"tasks:read"`, which `tasks:*` covers: at most 100, in a
    ///         list, tuple or set. Without one of them, `ok` is false, `code` is `"insufficient_scope"`, and nothing is
    ///         counted. Defaults to none.
    ///     cost: How many requests this one counts as, 1 to the `maxReq` of the limit that applies. Defaults to 1.
    ///     client_address: The IP address of the client that sent the key, with or without a port. Defaults to None.
    ///
    /// Returns:
    ///     A `ValidKey`, an `InvalidKey` or a `VerifyFailure`. Process the request if its `ok` is true.
    ///
    /// Raises:
    ///     GatekeeperError: There is no result; status 503 if the database cannot be used.
    ///
    /// Example:
    ///     >>> from gatekeeper import init_key_manager
    ///     >>> keys = init_key_manager(
    ///     ...     url="memory:", endpoints={"GET_TASKS": {"default": {"maxReq": 2, "duration": 60_000}}})
    ///     >>> created = keys.create_user_api_key("user")
    ///     >>> res = keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_1"])
    ///     >>> res.ok, res.remaining, res["total"]
    ///     (True, 1, 2)
    ///     >>> keys.verify_user_api_key(created["apiKey"], "GET_TASKS", scopes=["tasks:read"])["code"]
    ///     'insufficient_scope'
    ///     >>> keys.verify_user_api_key("user_xxx", "GET_TASKS").key_valid
    ///     False
    ///     >>> keys.verify_user_api_key(created["apiKey"], "PUT_TASKS").error
    ///     'invalidBody'
    #[pyo3(
        signature = (
            user_api_key,
            endpoint_name,
            variables = None,
            *,
            scopes = Given::default(),
            cost = Given::default(),
            client_address = None,
        ),
        text_signature = "($self, user_api_key, endpoint_name, variables=(), *, scopes=(), cost=1, client_address=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "one for each option")]
    fn verify_user_api_key<'py>(
        &self,
        py: Python<'py>,
        user_api_key: &Bound<'py, PyAny>,
        endpoint_name: &Bound<'py, PyAny>,
        variables: Option<&Bound<'py, PyAny>>,
        scopes: Given<'_, 'py>,
        cost: Given<'_, 'py>,
        client_address: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        catch_panic(py, || {
            let request = Request::read(user_api_key, endpoint_name, variables, scopes, cost, client_address);
            self.verify(py, request, |pending| {
                let verdict = block_on(py, pending.finish())?;
                log_created(py, &self.gatekeeper);
                to_result(py, &self.gatekeeper, verdict)
            })
        })
    }

    /// Start `verify_user_api_key`. Returns its result, or a `PendingResult` if it needs I/O.
    #[allow(clippy::too_many_arguments, reason = "one for each option")]
    fn _start_verification<'py>(
        &self,
        py: Python<'py>,
        user_api_key: &Bound<'py, PyAny>,
        endpoint_name: &Bound<'py, PyAny>,
        variables: Option<&Bound<'py, PyAny>>,
        scopes: Given<'_, 'py>,
        cost: Given<'_, 'py>,
        client_address: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        catch_panic(py, || {
            let request = Request::read(user_api_key, endpoint_name, variables, scopes, cost, client_address);
            self.verify(py, request, |pending| {
                PendingResult::new(self.gatekeeper.clone(), pending).into_bound_py_any(py)
            })
        })
    }

    /// Run the operation `name` with a request in JSON and return its output in JSON. Raises `Rejected` for an error
    /// that the key manager returns as a result.
    fn _call(&self, py: Python<'_>, name: &str, request: &str) -> PyResult<String> {
        catch_panic(py, || {
            let output = block_on(py, self.gatekeeper.backend().call_json(name, request))?;
            log_created(py, &self.gatekeeper);
            output.map_err(|error| to_rejection(py, &error))
        })
    }

    /// Start `_call`. Its result is pushed to `completion_queue` under `ticket`.
    fn _call_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        name: String,
        request: String,
    ) -> PyResult<Call> {
        let (gatekeeper, log_source) = (self.gatekeeper.clone(), self.gatekeeper.clone());
        let request = Secret::new(request);
        let lane = Lane::of_operation(&name);
        let work = async move { gatekeeper.backend().call_json(&name, request.expose()).await };
        catch_panic(py, || {
            Receiver(completion_queue, ticket).start(py, &self.gatekeeper, lane, work, move |py, output| {
                log_created(py, &log_source);
                output.map_err(|error| to_rejection(py, &error))?.into_py_any(py)
            })
        })
    }

    /// Start `_reject`. Its exception is pushed to `completion_queue` under `ticket`.
    fn _reject_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        reason: String,
    ) -> PyResult<Call> {
        let gatekeeper = self.gatekeeper.clone();
        let work = async move {
            gatekeeper.backend().check_credential().await?;
            Err::<(), _>(GatekeeperError::bad_request(reason))
        };
        catch_panic(py, || {
            Receiver(completion_queue, ticket).start(
                py,
                &self.gatekeeper,
                Lane::LookUp,
                work,
                |py, rejected| rejected.map_err(|error| to_rejection(py, &error))?.into_py_any(py),
            )
        })
    }

    /// Reject a call whose arguments cannot be written as JSON. An invalid root key is reported first.
    fn _reject(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        catch_panic(py, || {
            let checked = block_on(py, self.gatekeeper.backend().check_credential())?;
            let rejection = checked.err().unwrap_or_else(|| GatekeeperError::bad_request(reason));
            Err(to_rejection(py, &rejection))
        })
    }

    /// Move the clock of a key manager made with `clock="manual"` forward.
    ///
    /// Args:
    ///     ms: Milliseconds, 0 or more.
    ///
    /// Raises:
    ///     GatekeeperError: Status 400 if the clock is the system's, or for another `ms`.
    ///
    /// Example:
    ///     >>> from gatekeeper import init_key_manager
    ///     >>> keys = init_key_manager(
    ///     ...     url="memory:", clock="manual", endpoints={"GET": {"default": {"maxReq": 1, "duration": 1_000}}})
    ///     >>> key = keys.create_user_api_key("user")["apiKey"]
    ///     >>> keys.verify_user_api_key(key, "GET").ok, keys.verify_user_api_key(key, "GET").retry_after_ms
    ///     (True, 1000)
    ///     >>> keys.advance(1_000)
    ///     >>> keys.verify_user_api_key(key, "GET").ok
    ///     True
    fn advance(&self, py: Python<'_>, ms: &Bound<'_, PyAny>) -> PyResult<()> {
        let advanced = match &self.clock {
            Clock::Manual(clock) => convert::milliseconds("ms", ms).map(|ms| clock.advance(ms)),
            Clock::System => Err(GatekeeperError::bad_request("advance needs clock=\"manual\"")),
        };
        catch_panic(py, || advanced.map_err(|error| to_py_err(py, &error)))
    }
}

impl KeyManager {
    /// The result of a verification, or of `finish` if it needs I/O.
    #[inline]
    fn verify<'py>(
        &self,
        py: Python<'py>,
        request: Result<Request<'_>>,
        finish: impl FnOnce(Pending) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let request = match request {
            Ok(request) => request,
            Err(rejection) => return finish(Pending::Rejection(self.gatekeeper.clone(), rejection)),
        };
        match request.start(&self.verifier) {
            Ok(StartedVerification::Done(verdict)) => to_result(py, &self.gatekeeper, Ok(verdict)),
            Ok(StartedVerification::Pending(verification)) => finish(Pending::Verification(verification)),
            Err(error) => to_result(py, &self.gatekeeper, Err(error)),
        }
    }
}
