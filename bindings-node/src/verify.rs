//! The hot call: it verifies a key without I/O where that is possible, and otherwise keeps what is left to do.

use std::cell::RefCell;

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::internal::{PendingVerification, StartedVerification};
use gatekeeper::{Decision, GatekeeperError, Verdict, VerdictCode, VerifyOptions};
use napi::bindgen_prelude::FunctionCallContext;

use crate::convert::{self, verdict};
use crate::error::to_napi;
use crate::hot::{Registers, Text};

/// The codes that the hot call returns.
const ADMITTED: u32 = 0;
const RATE_LIMITED: u32 = 1;
const INSUFFICIENT_SCOPE: u32 = 2;
const INVALID_KEY: u32 = 3;
/// The key is not valid, and there is a warning for the operator.
const INVALID_KEY_AND_WARNING: u32 = 4;
/// The verification needs I/O: finish it.
const PENDING: u32 = 5;

/// The registers that the façade writes before the call.
const ENDPOINT: usize = 0;
const VARIABLES: usize = 1;
const COST: usize = 2;
const SCOPES: usize = 3;
const HAS_CLIENT_ADDRESS: usize = 4;

/// The number of arguments of a call without options.
const PLAIN: usize = 3;

/// The verifications of a key manager, which are made on one thread.
pub(crate) struct HotVerifier {
    gatekeeper: Gatekeeper,
    verifier: Verifier,
    /// The decision of the last call with a valid key.
    last: RefCell<Option<Decision>>,
    /// What is left of the last call, if it needs I/O.
    pending: RefCell<Option<PendingVerification>>,
}

impl HotVerifier {
    pub(crate) fn new(gatekeeper: Gatekeeper, verifier: Verifier) -> Self {
        Self { gatekeeper, verifier, last: RefCell::default(), pending: RefCell::default() }
    }

    /// Runs a call with the arguments `(key, variables, registers, texts?)`; see
    /// [`NativeKeyManager::hot_verify`](crate::key_manager::NativeKeyManager::hot_verify).
    pub(crate) fn verify(&self, call: &FunctionCallContext<'_>) -> napi::Result<u32> {
        let key: Text<64> = call.get(0)?;
        let variables: Text<256> = call.get(1)?;
        let registers: Registers<'_> = call.get(2)?;
        let key = key.as_str()?;
        let started = convert::with_unpacked(variables.as_str()?, registers.count(VARIABLES), |variables| {
            let endpoint = registers.count(ENDPOINT);
            let start = |options: &VerifyOptions<'_>| {
                self.verifier.start(key, endpoint, variables, options).map_err(to_napi)
            };
            if call.length() == PLAIN {
                start(&VerifyOptions::default())
            } else {
                with_options(call, &registers, start)
            }
        })?;
        Ok(self.code(started?, &registers))
    }

    /// The code of a verification, whose numbers are set if the key is valid.
    fn code(&self, started: StartedVerification, registers: &Registers<'_>) -> u32 {
        let verdict = match started {
            StartedVerification::Done(verdict) => verdict,
            StartedVerification::Pending(pending) => {
                self.pending.replace(Some(pending));
                return PENDING;
            }
        };
        let code = match verdict.code() {
            VerdictCode::Valid => ADMITTED,
            VerdictCode::RateLimited => RATE_LIMITED,
            VerdictCode::InsufficientScope => INSUFFICIENT_SCOPE,
            // Only a rejected key causes a warning.
            VerdictCode::InvalidKey if self.gatekeeper.has_warning() => INVALID_KEY_AND_WARNING,
            VerdictCode::InvalidKey => INVALID_KEY,
        };
        if let Verdict::Admitted(decision) | Verdict::RateLimited(decision) | Verdict::Forbidden(decision) =
            verdict
        {
            registers.set(verdict::numbers(&decision));
            self.last.replace(Some(decision));
        }
        code
    }

    /// What is left of the last call.
    ///
    /// # Errors
    /// `internal` if it did not need I/O, or is finished already.
    pub(crate) fn take_pending(&self) -> napi::Result<PendingVerification> {
        let nothing = || to_napi(GatekeeperError::internal("the last call needs no I/O"));
        self.pending.take().ok_or_else(nothing)
    }

    /// Reads from the decision of the last call with a valid key.
    ///
    /// # Errors
    /// `internal` if there was no such call.
    pub(crate) fn of_last<T>(
        &self,
        read: impl FnOnce(&Decision) -> gatekeeper::Result<T>,
    ) -> napi::Result<T> {
        let no_call = || GatekeeperError::internal("no call has verified a valid key yet");
        self.last.borrow().as_ref().ok_or_else(no_call).and_then(read).map_err(to_napi)
    }
}

/// Calls `start` with the options: the cost, the scopes, and the client address, which is the last of the texts.
fn with_options<T>(
    call: &FunctionCallContext<'_>,
    registers: &Registers<'_>,
    start: impl FnOnce(&VerifyOptions<'_>) -> napi::Result<T>,
) -> napi::Result<T> {
    let texts: Text<256> = call.get(PLAIN)?;
    let has_client_address = registers.count(HAS_CLIENT_ADDRESS) == 1;
    let count = registers.count(SCOPES) + usize::from(has_client_address);
    let cost = u32::try_from(registers.count(COST)).unwrap_or(u32::MAX);
    convert::with_unpacked(texts.as_str()?, count, |texts| {
        let (client_address, scopes) = match texts {
            [scopes @ .., client_address] if has_client_address => (Some(*client_address), scopes),
            scopes => (None, scopes),
        };
        start(&VerifyOptions::default().cost(cost).scopes(scopes).client_address(client_address))
    })?
}
