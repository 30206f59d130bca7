//! The native key manager: verification as native methods, every other operation as `call(name, json)`.

use std::ffi::CString;
use std::sync::Arc;

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::{
    Clock, Endpoints, GatekeeperError, Lane, Options, Result, Secret, Started, Tenants, Verdict,
    VerifyOptions,
};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;

use crate::completion_queue::{Call, CompletionQueue, Receiver};
use crate::convert::{self, Variables};
use crate::error::{to_py_err, to_rejection};
use crate::notice::log_created;
use crate::panic::catch_panic;
use crate::verify_result::VerifyResult;
use crate::wait::block_on;

/// A database or server, the credential to use there, and endpoints. The native base of `gatekeeper.KeyManager`.
#[pyclass(frozen, subclass, module = "gatekeeper._native")]
pub(crate) struct KeyManager {
    gatekeeper: Gatekeeper,
    verifier: Arc<Verifier>,
    clock: Clock,
}

/// The arguments of a verification, checked for their types.
struct Request<'a> {
    user_key: &'a str,
    endpoint: &'a str,
    variables: Variables,
}

impl<'a> Request<'a> {
    #[inline]
    fn read(
        user_key: &'a Bound<'_, PyAny>,
        endpoint: &'a Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self> {
        Ok(Self {
            user_key: convert::user_key(user_key)?,
            endpoint: convert::text("endpoint_name", endpoint)?,
            variables: convert::variables(variables)?,
        })
    }
}

#[pymethods]
impl KeyManager {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "one for each option")]
    fn new(
        py: Python<'_>,
        endpoints: &str,
        root_api_key: Option<&Bound<'_, PyAny>>,
        url: &Bound<'_, PyAny>,
        cache_keys: &Bound<'_, PyAny>,
        cache_unknown_keys: &Bound<'_, PyAny>,
        clock: &Bound<'_, PyAny>,
        http: &str,
        tenants: Option<&str>,
    ) -> PyResult<Self> {
        let open = || -> Result<Self> {
            let mut options = Options::from_json(http)?;
            options.cache_keys = convert::count("cache_keys", cache_keys)?;
            options.cache_unknown_keys = convert::count("cache_unknown_keys", cache_unknown_keys)?;
            options.clock = convert::clock(clock)?;
            let root_key = root_api_key.map(convert::root_key).transpose()?;
            let clock = options.clock.clone();

            let url = convert::text("url", url)?;
            let mut gatekeeper = py.detach(|| Gatekeeper::open_with(url, options))?;
            if let Some(root_key) = root_key {
                gatekeeper = gatekeeper.with_root_key(&root_key);
            }
            let mut verifier = gatekeeper.verifier(Endpoints::from_json(endpoints)?)?;
            if let Some(tenants) = tenants {
                verifier = verifier.with_tenants(Tenants::from_json(tenants)?)?;
            }
            Ok(Self { gatekeeper, verifier: Arc::new(verifier), clock })
        };
        catch_panic(py, || open().map_err(|error| to_py_err(py, &error)))
    }

    /// Verify a user's key, select the limit by its roles, and count the request against it.
    ///
    /// Args:
    ///     user_api_key: The key as the user sent it; None for a request without a key. Anything that is not an active
    ///         key is reported as not valid.
    ///     endpoint_name: One of the endpoints given to `init_key_manager`.
    ///     variables: A list or tuple of strings, such as the id of a task. Each distinct list has a window of its own:
    ///         never pass unchecked client input. At most 1,000, with 8 KiB of UTF-8 in total. Defaults to none.
    ///
    /// Returns:
    ///     A `VerifyResult`. Process the request if its `ok` is true.
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
    ///     >>> keys.verify_user_api_key("user_xxx", "GET_TASKS").key_valid
    ///     False
    ///     >>> keys.verify_user_api_key(created["apiKey"], "PUT_TASKS").error
    ///     'invalidBody'
    #[pyo3(
        signature = (user_api_key, endpoint_name, variables = None),
        text_signature = "($self, user_api_key, endpoint_name, variables=())"
    )]
    fn verify_user_api_key(
        &self,
        py: Python<'_>,
        user_api_key: &Bound<'_, PyAny>,
        endpoint_name: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<VerifyResult> {
        catch_panic(py, || {
            let request = match Request::read(user_api_key, endpoint_name, variables) {
                Ok(request) => request,
                Err(rejection) => return self.reject(py, rejection),
            };
            let Request { user_key, endpoint, variables } = &request;
            let verdict = match self.verifier.start(user_key, *endpoint, variables, &VerifyOptions::default())
            {
                Ok(Started::Pending(rest)) => {
                    let verdict = block_on(py, rest.finish())?;
                    log_created(py, &self.gatekeeper);
                    verdict
                }
                Ok(Started::Done(verdict)) => return with_warning(py, &self.gatekeeper, verdict),
                Err(error) => Err(error),
            };
            match verdict {
                Ok(verdict) => with_warning(py, &self.gatekeeper, verdict),
                rejected => to_result(py, rejected),
            }
        })
    }

    /// The result of `verify_user_api_key` if it needs no I/O, else None.
    #[pyo3(signature = (user_api_key, endpoint_name, variables = None))]
    fn _try_verify(
        &self,
        py: Python<'_>,
        user_api_key: &Bound<'_, PyAny>,
        endpoint_name: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<VerifyResult>> {
        catch_panic(py, || {
            // Arguments of a wrong type are rejected by the call that may do I/O, after it has checked the root key.
            let Ok(request) = Request::read(user_api_key, endpoint_name, variables) else { return Ok(None) };
            let Request { user_key, endpoint, variables } = &request;
            match self.verifier.start(user_key, *endpoint, variables, &VerifyOptions::default()) {
                Ok(Started::Done(verdict)) => with_warning(py, &self.gatekeeper, verdict).map(Some),
                Ok(Started::Pending(_)) => Ok(None),
                Err(error) => to_result(py, Err(error)).map(Some),
            }
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

    /// Start `verify_user_api_key`. Its result is pushed to `completion_queue` under `ticket`.
    fn _verify_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        user_api_key: &Bound<'_, PyAny>,
        endpoint_name: &Bound<'_, PyAny>,
        variables: &Bound<'_, PyAny>,
    ) -> PyResult<Call> {
        catch_panic(py, || {
            let log_source = self.gatekeeper.clone();
            let convert = move |py: Python<'_>, verdict| {
                log_created(py, &log_source);
                match verdict {
                    Ok(verdict) => with_warning(py, &log_source, verdict)?.into_py_any(py),
                    rejected => to_result(py, rejected)?.into_py_any(py),
                }
            };
            let (gatekeeper, receiver) = (self.gatekeeper.clone(), Receiver(completion_queue, ticket));
            let request = match Request::read(user_api_key, endpoint_name, Some(variables)) {
                Ok(request) => request,
                Err(rejection) => {
                    let work =
                        async move { gatekeeper.backend().check_credential().await.and(Err(rejection)) };
                    return receiver.start(py, &self.gatekeeper, Lane::LookUp, work, convert);
                }
            };
            let (verifier, key) = (Arc::clone(&self.verifier), Secret::new(request.user_key));
            let endpoint = request.endpoint.to_owned();
            let variables: Vec<String> = request.variables.iter().map(ToString::to_string).collect();
            let work = async move {
                let options = VerifyOptions::default();
                match verifier.start(key.expose(), endpoint.as_str(), &variables, &options)? {
                    Started::Done(verdict) => Ok(verdict),
                    Started::Pending(rest) => rest.finish().await,
                }
            };
            receiver.start(py, &gatekeeper, Lane::LookUp, work, convert)
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
    /// Rejects a call whose arguments are of a wrong type. An invalid root key is reported first.
    #[cold]
    fn reject(&self, py: Python<'_>, rejection: GatekeeperError) -> PyResult<VerifyResult> {
        to_result(py, block_on(py, self.gatekeeper.backend().check_credential())?.and(Err(rejection)))
    }
}

/// The result for a verdict, after a warning for the operator if there is one. Only a key that is not valid causes one.
#[inline]
fn with_warning(py: Python<'_>, gatekeeper: &Gatekeeper, verdict: Verdict) -> PyResult<VerifyResult> {
    if matches!(verdict, Verdict::InvalidKey) && gatekeeper.has_warning() {
        warn(py, gatekeeper)?;
    }
    Ok(verdict.into())
}

#[cold]
fn warn(py: Python<'_>, gatekeeper: &Gatekeeper) -> PyResult<()> {
    let Some(warning) = gatekeeper.take_warning() else { return Ok(()) };
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &CString::new(warning)?, 1)
}

/// The result for a verdict, or for an error that the key manager returns as a result. Other errors are raised.
fn to_result(py: Python<'_>, verdict: Result<Verdict>) -> PyResult<VerifyResult> {
    match verdict {
        Ok(verdict) => Ok(verdict.into()),
        Err(error) => VerifyResult::failure(&error).ok_or_else(|| to_py_err(py, &error)),
    }
}
