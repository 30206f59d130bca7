//! The native core: runs every operation of the services as `call(name, json)`, with one credential.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::Lane;
use gatekeeper::{Clock, GatekeeperError, Options, Result, Secret};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::completion_queue::{Call, CompletionQueue, Receiver};
use crate::convert::{self, Given};
use crate::error::to_py_err;
use crate::notice::log_created;
use crate::panic::catch_panic;
use crate::wait::block_on;

/// A database or server, and the credential to use there. The native half of `gatekeeper.GatekeeperCore`.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct Core {
    /// The client as it was opened: the operator of an embedded database. Clients with a credential and key managers
    /// are made from it. It also serves warnings and the JWK Set.
    pub(crate) gatekeeper: Gatekeeper,
    /// The client that calls run on: with a token, as the operator, or anonymous.
    client: Gatekeeper,
    pub(crate) clock: Clock,
}

#[pymethods]
impl Core {
    /// `options` is JSON. The other options are those that a key manager names as Python does.
    #[new]
    #[pyo3(signature = (
        url,
        options,
        *,
        cache_keys = Given::default(),
        cache_unknown_keys = Given::default(),
        clock = Given::default(),
    ))]
    fn new(
        py: Python<'_>,
        url: &Bound<'_, PyAny>,
        options: &str,
        cache_keys: Given<'_, '_>,
        cache_unknown_keys: Given<'_, '_>,
        clock: Given<'_, '_>,
    ) -> PyResult<Self> {
        let open = || -> Result<Self> {
            let mut options = Options::from_json(options)?;
            if let Some(count) = cache_keys.map(|count| convert::count("cache_keys", count))? {
                options.cache_keys = count;
            }
            if let Some(count) =
                cache_unknown_keys.map(|count| convert::count("cache_unknown_keys", count))?
            {
                options.cache_unknown_keys = count;
            }
            if let Some(clock) = clock.map(convert::clock)? {
                options.clock = clock;
            }
            let (url, clock) = (convert::text("url", url)?, options.clock.clone());
            let gatekeeper = py.detach(|| Gatekeeper::open_with(url, options))?;
            Ok(Self { client: gatekeeper.anonymous(), gatekeeper, clock })
        };
        catch_panic(py, || open().map_err(|error| to_py_err(py, &error)))
    }

    /// A core for the same database or server with a token, as the operator, or anonymous; for requests from
    /// `client_address`.
    fn with_credential(
        &self,
        py: Python<'_>,
        token: Option<&str>,
        operator: bool,
        client_address: Option<&str>,
    ) -> PyResult<Self> {
        let client = match token {
            Some(token) => self.gatekeeper.with_token(&Secret::new(token)),
            None if operator => self.gatekeeper.operator().map_err(|error| to_py_err(py, &error))?,
            None => self.gatekeeper.anonymous(),
        };
        let client = match client_address {
            Some(client_address) => client.with_client_address(client_address),
            None => client,
        };
        Ok(Self { gatekeeper: self.gatekeeper.clone(), client, clock: self.clock.clone() })
    }

    /// Run the operation `name` with a request in JSON and return its output in JSON.
    fn call(&self, py: Python<'_>, name: &str, request: &str) -> PyResult<String> {
        catch_panic(py, || {
            let output = block_on(py, self.client.backend().call_json(name, request))?;
            log_created(py, &self.gatekeeper);
            output.map_err(|error| to_py_err(py, &error))
        })
    }

    /// Start `call`. Its result is pushed to `completion_queue` under `ticket`.
    fn call_later(
        &self,
        py: Python<'_>,
        completion_queue: &CompletionQueue,
        ticket: u64,
        name: String,
        request: String,
    ) -> PyResult<Call> {
        let (client, lane) = (self.client.clone(), Lane::of_operation(&name));
        let request = Secret::new(request);
        let work = async move { client.backend().call_json(&name, request.expose()).await };
        catch_panic(py, || {
            Receiver(completion_queue, ticket).start(py, &self.client, lane, work, self.conversion())
        })
    }

    /// The public keys that verify access tokens, as a JWK Set in JSON.
    fn jwks(&self, py: Python<'_>) -> PyResult<String> {
        catch_panic(py, || {
            let keys = block_on(py, self.gatekeeper.backend().jwks())?;
            log_created(py, &self.gatekeeper);
            keys.map(|keys| keys.to_string()).map_err(|error| to_py_err(py, &error))
        })
    }

    /// Start `jwks`. Its result is pushed to `completion_queue` under `ticket`.
    fn jwks_later(&self, py: Python<'_>, completion_queue: &CompletionQueue, ticket: u64) -> PyResult<Call> {
        let gatekeeper = self.gatekeeper.clone();
        let work = async move { gatekeeper.backend().jwks().await.map(|keys| keys.to_string()) };
        catch_panic(py, || {
            Receiver(completion_queue, ticket).start(
                py,
                &self.gatekeeper,
                Lane::Operation,
                work,
                self.conversion(),
            )
        })
    }

    /// The next warning for the operator. Each warning is returned once.
    fn take_warning(&self) -> Option<String> {
        self.gatekeeper.take_warning()
    }

    /// Move a manual clock forward.
    fn advance(&self, py: Python<'_>, ms: u64) -> PyResult<()> {
        match &self.clock {
            Clock::Manual(clock) => catch_panic(py, || {
                clock.advance(ms);
                Ok(())
            }),
            Clock::System => {
                let rejection = GatekeeperError::bad_request("advance needs clock=\"manual\"");
                Err(to_py_err(py, &rejection))
            }
        }
    }
}

impl Core {
    /// Converts the result of a call that ran in the background.
    fn conversion(&self) -> impl FnOnce(Python<'_>, Result<String>) -> PyResult<Py<PyAny>> + Send + use<> {
        let gatekeeper = self.gatekeeper.clone();
        move |py, output| {
            log_created(py, &gatekeeper);
            output.map_err(|error| to_py_err(py, &error))?.into_py_any(py)
        }
    }
}
