//! The core: every operation of the services as `call(name, json)`, for whoever the credential is of.

use gatekeeper::{Clock, Gatekeeper, GatekeeperError, Options, Secret};
use pyo3::prelude::*;

use crate::error::raised;
use crate::guard::guarded;

/// A place, and for whom it is used. The native half of `gatekeeper.GatekeeperCore`.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct Core {
    /// The place as its operator has it.
    place: Gatekeeper,
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
                let place = Gatekeeper::open_with(url, options)?;
                Ok(Self { caller: place.anonymous(), place, clock })
            };
            py.detach(open).map_err(|error| raised(py, &error))
        })
    }

    /// The same place for the bearer of a token, for the operator, or for nobody; and for calls from `source`.
    fn acting(&self, token: Option<&str>, operator: bool, source: Option<&str>) -> Self {
        let caller = match token {
            Some(token) => self.place.with_token(&Secret::new(token)),
            None if operator => self.place.clone(),
            None => self.place.anonymous(),
        };
        let caller = source.map_or_else(|| caller.clone(), |source| caller.from_source(source));
        Self { place: self.place.clone(), caller, clock: self.clock.clone() }
    }

    /// Run the operation `name` on a request in JSON; the answer is JSON.
    fn call(&self, py: Python<'_>, name: &str, request: &str) -> PyResult<String> {
        guarded(py, || {
            let answer = py.detach(|| self.caller.call_json_blocking(name, request));
            answer.map_err(|error| raised(py, &error))
        })
    }

    /// The public keys of access tokens, as a JWK Set in JSON.
    fn jwks(&self, py: Python<'_>) -> PyResult<String> {
        guarded(py, || {
            let keys = py.detach(|| self.place.jwks());
            keys.map(|keys| keys.to_string()).map_err(|error| raised(py, &error))
        })
    }

    /// What whoever runs the place should be told; each warning is given once.
    fn take_warning(&self) -> Option<String> {
        self.place.take_warning()
    }

    /// Move the time of a place made with a manual clock.
    fn advance(&self, py: Python<'_>, ms: u64) -> PyResult<()> {
        match &self.clock {
            Clock::Manual(clock) => guarded(py, || {
                clock.advance(ms);
                Ok(())
            }),
            Clock::System => {
                let refusal =
                    GatekeeperError::bad_request("advance is for a place made with clock=\"manual\"");
                Err(raised(py, &refusal))
            }
        }
    }
}
