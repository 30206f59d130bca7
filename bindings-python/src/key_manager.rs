//! The key manager: the hot path as native methods, all else as `call(name, json)`.

use std::ffi::CString;
use std::sync::Arc;

use gatekeeper::{
    Clock, Endpoints, Gatekeeper, GatekeeperError, Lane, Options, Result, Secret, Tenants, Verdict, Verifier,
};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;

use crate::completion_queue::{Call, CompletionQueue, Receiver};
use crate::convert::{self, Variables};
use crate::error::{raised, rejected_or_raised};
use crate::guard::guarded;
use crate::notice::log_created;
use crate::verify_result::VerifyResult;
use crate::wait::waited;

/// A place, its endpoints, and for whom they are used. The native base of `gatekeeper.KeyManager`.
#[pyclass(frozen, subclass, module = "gatekeeper._native")]
pub(crate) struct KeyManager {
    gatekeeper: Gatekeeper,
    verifier: Arc<Verifier>,
    clock: Clock,
}

/// The arguments of a verification, each of the right type.
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
    #[allow(clippy::too_many_arguments, reason = "as many as there are options")]
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
        guarded(py, || open().map_err(|error| raised(py, &error)))
    }

    /// Judge a user's key, choose its limit by its roles, and take one permit.
    ///
    /// Args:
    ///     user_api_key: The key as the user sent it. Anything that is not an active key is merely not valid: an empty
    ///         string too, and None, for a request without a key.
    ///     endpoint_name: One of the endpoints given to `init_key_manager`.
    ///     variables: A list or tuple of strings that are counted apart, in their order: at most 1,000, 8 KiB of
    ///         UTF-8 together. Defaults to none.
    ///
    /// Returns:
    ///     A `VerifyResult`. Process the request if its `ok` is true.
    ///
    /// Raises:
    ///     GatekeeperError: No answer could be reached: 503 where the database cannot be used.
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
    #[pyo3(signature = (user_api_key, endpoint_name, variables = None), text_signature = "($self, user_api_key, endpoint_name, variables=())")]
    fn verify_user_api_key(
        &self,
        py: Python<'_>,
        user_api_key: &Bound<'_, PyAny>,
        endpoint_name: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<VerifyResult> {
        guarded(py, || {
            let request = match Request::read(user_api_key, endpoint_name, variables) {
                Ok(request) => request,
                Err(rejection) => return self.reject(py, rejection),
            };
            let Request { user_key, endpoint, variables } = &request;
            let verdict = match self.verifier.try_verify(user_key, endpoint, variables) {
                Ok(None) => {
                    let verdict = waited(py, self.verifier.verify_async(user_key, endpoint, variables))?;
                    log_created(py, &self.gatekeeper);
                    verdict
                }
                Ok(Some(verdict)) => return told(py, &self.gatekeeper, verdict),
                Err(error) => Err(error),
            };
            match verdict {
                Ok(verdict) => told(py, &self.gatekeeper, verdict),
                rejected => answer(py, rejected),
            }
        })
    }

    /// The same if it can be said without waiting, else None.
    #[pyo3(signature = (user_api_key, endpoint_name, variables = None))]
    fn _try_verify(
        &self,
        py: Python<'_>,
        user_api_key: &Bound<'_, PyAny>,
        endpoint_name: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<VerifyResult>> {
        guarded(py, || {
            // What cannot be read is rejected by the call that may wait, after it has judged the root key.
            let Ok(request) = Request::read(user_api_key, endpoint_name, variables) else { return Ok(None) };
            match self.verifier.try_verify(request.user_key, request.endpoint, &request.variables) {
                Ok(verdict) => verdict.map(|verdict| told(py, &self.gatekeeper, verdict)).transpose(),
                Err(error) => answer(py, Err(error)).map(Some),
            }
        })
    }

    /// Run the operation `name` on a request in JSON; the answer is JSON. Raises `Rejected` where the key manager
    /// answers with an error.
    fn _call(&self, py: Python<'_>, name: &str, request: &str) -> PyResult<String> {
        guarded(py, || {
            let answer = waited(py, self.gatekeeper.call_json(name, request))?;
            log_created(py, &self.gatekeeper);
            answer.map_err(|error| rejected_or_raised(py, &error))
        })
    }

    /// As `_call`; the answer is left in `completion_queue` under `ticket`.
    fn _call_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        name: String,
        request: String,
    ) -> PyResult<Call> {
        let (gatekeeper, made_in) = (self.gatekeeper.clone(), self.gatekeeper.clone());
        let request = Secret::new(request);
        let lane = Lane::of_operation(&name);
        let work = async move { gatekeeper.call_json(&name, request.expose()).await };
        guarded(py, || {
            Receiver(completion_queue, ticket).start(py, &self.gatekeeper, lane, work, move |py, answer| {
                log_created(py, &made_in);
                answer.map_err(|error| rejected_or_raised(py, &error))?.into_py_any(py)
            })
        })
    }

    /// As `verify_user_api_key`; the result is left in `completion_queue` under `ticket`.
    fn _verify_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        user_api_key: &Bound<'_, PyAny>,
        endpoint_name: &Bound<'_, PyAny>,
        variables: &Bound<'_, PyAny>,
    ) -> PyResult<Call> {
        guarded(py, || {
            let made_in = self.gatekeeper.clone();
            let deliver = move |py: Python<'_>, verdict| {
                log_created(py, &made_in);
                match verdict {
                    Ok(verdict) => told(py, &made_in, verdict)?.into_py_any(py),
                    rejected => answer(py, rejected)?.into_py_any(py),
                }
            };
            let (gatekeeper, receiver) = (self.gatekeeper.clone(), Receiver(completion_queue, ticket));
            let request = match Request::read(user_api_key, endpoint_name, Some(variables)) {
                Ok(request) => request,
                Err(rejection) => {
                    let work = async move { gatekeeper.check_credential_async().await.and(Err(rejection)) };
                    return receiver.start(py, &self.gatekeeper, Lane::LookUp, work, deliver);
                }
            };
            let (verifier, key) = (Arc::clone(&self.verifier), Secret::new(request.user_key));
            let endpoint = request.endpoint.to_owned();
            let variables: Vec<String> = request.variables.iter().map(ToString::to_string).collect();
            let work = async move { verifier.verify_async(key.expose(), &endpoint, &variables).await };
            receiver.start(py, &gatekeeper, Lane::LookUp, work, deliver)
        })
    }

    /// As `_reject`; what is raised is left in `completion_queue` under `ticket`.
    fn _reject_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        reason: String,
    ) -> PyResult<Call> {
        let gatekeeper = self.gatekeeper.clone();
        let work = async move {
            gatekeeper.check_credential_async().await?;
            Err::<(), _>(GatekeeperError::bad_request(reason))
        };
        guarded(py, || {
            Receiver(completion_queue, ticket).start(
                py,
                &self.gatekeeper,
                Lane::LookUp,
                work,
                |py, rejected| rejected.map_err(|error| rejected_or_raised(py, &error))?.into_py_any(py),
            )
        })
    }

    /// Reject a call whose arguments cannot be written as JSON; a wrong root key comes first.
    fn _reject(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        guarded(py, || {
            let caller = waited(py, self.gatekeeper.check_credential_async())?;
            let rejection = caller.err().unwrap_or_else(|| GatekeeperError::bad_request(reason));
            Err(rejected_or_raised(py, &rejection))
        })
    }

    /// Move the time of a key manager made with `clock="manual"`.
    ///
    /// Args:
    ///     ms: Milliseconds, 0 or more.
    ///
    /// Raises:
    ///     GatekeeperError: 400 where the clock is the system's, or `ms` is not such a number.
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
            Clock::System => {
                Err(GatekeeperError::bad_request("advance is for a place made with clock=\"manual\""))
            }
        };
        guarded(py, || advanced.map_err(|error| raised(py, &error)))
    }
}

impl KeyManager {
    /// Answers a call whose arguments are of a wrong type; a wrong root key comes first.
    #[cold]
    fn reject(&self, py: Python<'_>, rejection: GatekeeperError) -> PyResult<VerifyResult> {
        answer(py, waited(py, self.gatekeeper.check_credential_async())?.and(Err(rejection)))
    }
}

/// A verdict. If there is something of which the operator has to be warned, that comes first: the reason is a key that was
/// rejected.
#[inline]
fn told(py: Python<'_>, gatekeeper: &Gatekeeper, verdict: Verdict) -> PyResult<VerifyResult> {
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

/// A verdict, or the key manager's own answer to an error, or the error raised.
fn answer(py: Python<'_>, verdict: Result<Verdict>) -> PyResult<VerifyResult> {
    match verdict {
        Ok(verdict) => Ok(verdict.into()),
        Err(error) => VerifyResult::failure(&error).ok_or_else(|| raised(py, &error)),
    }
}
