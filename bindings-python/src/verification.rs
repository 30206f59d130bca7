//! A verification: its arguments, and what is left of it when it needs I/O.

use std::sync::{Mutex, PoisonError};

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::internal::{Lane, PendingVerification, StartedVerification};
use gatekeeper::{GatekeeperError, Result, Verdict, VerifyOptions};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::completion_queue::{Call, CompletionQueue, Receiver};
use crate::convert::{self, Given, Strings};
use crate::error::to_py_err;
use crate::notice::log_created;
use crate::panic::catch_panic;
use crate::verify_result::to_result;

/// The arguments of a verification.
pub(crate) struct Request<'a> {
    user_key: &'a str,
    endpoint: &'a str,
    variables: Strings,
    scopes: Strings,
    cost: Option<u32>,
    client_address: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// The arguments, if their types are right. The engine checks their values.
    #[inline]
    pub(crate) fn read(
        user_key: &'a Bound<'_, PyAny>,
        endpoint: &'a Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
        scopes: Given<'_, '_>,
        cost: Given<'_, '_>,
        client_address: Option<&'a Bound<'_, PyAny>>,
    ) -> Result<Self> {
        Ok(Self {
            user_key: convert::user_key(user_key)?,
            endpoint: convert::text("endpoint_name", endpoint)?,
            variables: convert::variables(variables)?,
            scopes: scopes.map(convert::scopes)?.unwrap_or_default(),
            cost: cost.map(convert::cost)?,
            client_address: client_address.map(convert::client_address).transpose()?,
        })
    }

    /// Verifies as far as possible without I/O.
    #[inline]
    pub(crate) fn start(&self, verifier: &Verifier) -> Result<StartedVerification> {
        let scopes: SmallVec<[&str; 4]> = self.scopes.iter().map(|scope| &**scope).collect();
        let mut options = VerifyOptions::default().scopes(&scopes).client_address(self.client_address);
        if let Some(cost) = self.cost {
            options = options.cost(cost);
        }
        verifier.start(self.user_key, self.endpoint, &self.variables, &options)
    }
}

/// What is left of a verification.
pub(crate) enum Pending {
    /// The I/O that it needs.
    Verification(PendingVerification),
    /// The rejection of its arguments. An invalid root key is reported first.
    Rejection(Gatekeeper, GatekeeperError),
}

impl Pending {
    pub(crate) async fn finish(self) -> Result<Verdict> {
        match self {
            Self::Verification(verification) => verification.finish().await,
            Self::Rejection(gatekeeper, rejection) => {
                gatekeeper.backend().check_credential().await.and(Err(rejection))
            }
        }
    }
}

/// A verification that needs I/O. Private.
#[pyclass(frozen, module = "gatekeeper._native")]
pub(crate) struct PendingResult {
    gatekeeper: Gatekeeper,
    pending: Mutex<Option<Pending>>,
}

impl PendingResult {
    pub(crate) fn new(gatekeeper: Gatekeeper, pending: Pending) -> Self {
        Self { gatekeeper, pending: Mutex::new(Some(pending)) }
    }
}

#[pymethods]
impl PendingResult {
    /// Start what is left of the verification, once. Its result is pushed to `completion_queue` under `ticket`.
    fn later(&self, py: Python<'_>, completion_queue: &CompletionQueue, ticket: u64) -> PyResult<Call> {
        catch_panic(py, || {
            let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(pending) = pending else {
                return Err(to_py_err(py, &GatekeeperError::internal("a verification was finished twice")));
            };
            let gatekeeper = self.gatekeeper.clone();
            Receiver(completion_queue, ticket).start(
                py,
                &self.gatekeeper,
                Lane::LookUp,
                pending.finish(),
                move |py, verdict| {
                    log_created(py, &gatekeeper);
                    to_result(py, &gatekeeper, verdict).map(Bound::unbind)
                },
            )
        })
    }
}
