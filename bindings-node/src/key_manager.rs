//! The native key manager.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::{
    Decision, Endpoints, GatekeeperError, ManualClock, Secret, Started, Tenants, Verdict, VerifyOptions,
};
use napi::Env;
use napi::bindgen_prelude::{Function, FunctionCallContext, Unknown};
use napi_derive::napi;

use crate::convert::{self, number};
use crate::error::{catch_panic, to_napi};
use crate::hot::{Registers, Text};
use crate::job::Job;

/// The codes that the hot call returns.
const ADMITTED: u32 = 0;
const RATE_LIMITED: u32 = 1;
const INVALID_KEY: u32 = 2;
const NEEDS_IO: u32 = 3;
/// The key is not valid, and there is a warning for the operator.
const INVALID_KEY_AND_WARNING: u32 = 4;

/// A database or server, the credential to use there, and endpoints.
#[napi]
pub struct NativeKeyManager {
    gatekeeper: Gatekeeper,
    verifier: Arc<Verifier>,
    /// The names of the endpoints. The hot call identifies an endpoint by its index in this list.
    names: Arc<[String]>,
    manual_clock: Option<ManualClock>,
    /// The decision of the last hot call with a valid key.
    last: Rc<RefCell<Option<Decision>>>,
}

#[napi]
impl NativeKeyManager {
    /// Makes a key manager without I/O. The database is opened on first use.
    ///
    /// # Errors
    /// `bad_request` for a wrong URL, option or endpoint.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        url: String,
        root_api_key: Option<String>,
        endpoints_json: String,
        options_json: String,
        tenants_json: Option<String>,
    ) -> napi::Result<Self> {
        catch_panic(|| {
            let (options, manual_clock) = convert::options(&options_json)?;
            let endpoints = Endpoints::from_json(&endpoints_json)?;
            let names = endpoints.names().map(str::to_owned).collect();
            let mut gatekeeper = Gatekeeper::open_with(&url, options)?;
            if let Some(key) = root_api_key {
                gatekeeper = gatekeeper.with_root_key(&Secret::new(key));
            }
            let mut verifier = gatekeeper.verifier(endpoints)?;
            if let Some(tenants) = tenants_json {
                verifier = verifier.with_tenants(Tenants::from_json(&tenants)?)?;
            }
            Ok(Self { gatekeeper, verifier: Arc::new(verifier), names, manual_clock, last: Rc::default() })
        })
    }

    /// The names of the endpoints. The hot call accepts an index of this list.
    #[napi(getter, catch_unwind)]
    pub fn endpoint_names(&self) -> Vec<String> {
        self.names.to_vec()
    }

    /// The hot call, as a plain function: it is faster than a method.
    ///
    /// Its arguments are `(key, variables, registers)`. `registers[0]` is the index of the endpoint and `registers[1]`
    /// the number of variables; `variables` is a single variable itself, or several [packed](convert::unpack). It
    /// returns a code. For a valid key it sets `registers` to: remaining, total, reset, retryAfterMs, the serial
    /// numbers of the identity and of the roles, the index of the role whose limit applies or −1, windowMs,
    /// resetAfterMs.
    ///
    /// # Errors
    /// Those of a verification.
    #[napi(
        catch_unwind,
        ts_return_type = "(key: string, variables: string, registers: Float64Array) => number"
    )]
    pub fn hot_verify<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<Function<'env, (String, String, f64), u32>> {
        let (gatekeeper, verifier) = (self.gatekeeper.clone(), Arc::clone(&self.verifier));
        let last = Rc::clone(&self.last);
        env.create_function_from_closure("verify", move |call| {
            let code = verify_now(&verifier, &last, &call)?;
            // Only a rejected key causes a warning.
            let warns = code == INVALID_KEY && gatekeeper.has_warning();
            Ok(if warns { INVALID_KEY_AND_WARNING } else { code })
        })
    }

    /// A function that returns the identity of the last valid key of a hot call: the key's id and, after a colon, the
    /// owner's id if there is one.
    ///
    /// # Errors
    /// `internal` if there was no such call.
    #[napi(catch_unwind, ts_return_type = "() => string")]
    pub fn hot_identity<'env>(&self, env: &'env Env) -> napi::Result<Function<'env, (), String>> {
        let last = Rc::clone(&self.last);
        env.create_function_from_closure("identity", move |_| {
            of_last(&last, |decision| match decision.owner_id() {
                None => decision.key_id().to_string(),
                Some(owner) => format!("{}:{owner}", decision.key_id()),
            })
        })
    }

    /// The roles of the last valid key of a hot call, sorted by bytes.
    ///
    /// # Errors
    /// `internal` if there was no such call.
    #[napi(catch_unwind)]
    pub fn last_roles(&self) -> napi::Result<Vec<String>> {
        of_last(&self.last, |decision| decision.roles().iter().map(|role| role.as_ref().to_owned()).collect())
    }

    /// Verifies a key, with I/O if needed. The promise resolves to the verdict in JSON.
    ///
    /// # Errors
    /// If the call cannot be started.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn verify<'env>(
        &self,
        env: &'env Env,
        key: String,
        endpoint: String,
        variables: Vec<String>,
    ) -> napi::Result<Unknown<'env>> {
        Job::verification(&self.gatekeeper, &self.verifier, key, endpoint, variables).start(env, None)
    }

    /// [`verify`](Self::verify) on this thread.
    ///
    /// # Errors
    /// Those of a verification.
    #[napi(catch_unwind)]
    pub fn verify_sync(&self, key: String, endpoint: String, variables: Vec<String>) -> napi::Result<String> {
        Job::verification(&self.gatekeeper, &self.verifier, key, endpoint, variables).wait()
    }

    /// Runs the operation `name` with a request in JSON. The promise resolves to its output in JSON.
    ///
    /// # Errors
    /// If the call cannot be started.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn call<'env>(&self, env: &'env Env, name: String, request: String) -> napi::Result<Unknown<'env>> {
        Job::operation(&self.gatekeeper, name, request).start(env, None)
    }

    /// [`call`](Self::call) on this thread.
    ///
    /// # Errors
    /// Those of the operation.
    #[napi(catch_unwind)]
    pub fn call_sync(&self, name: String, request: String) -> napi::Result<String> {
        Job::operation(&self.gatekeeper, name, request).wait()
    }

    /// Checks only the root key.
    ///
    /// # Errors
    /// If the call cannot be started.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn check_credential<'env>(&self, env: &'env Env) -> napi::Result<Unknown<'env>> {
        Job::credential_check(&self.gatekeeper).start(env, None)
    }

    /// [`check_credential`](Self::check_credential) on this thread.
    ///
    /// # Errors
    /// `unauthorized` for a root key that is not valid.
    #[napi(catch_unwind)]
    pub fn check_credential_sync(&self) -> napi::Result<String> {
        Job::credential_check(&self.gatekeeper).wait()
    }

    /// The next warning for the operator. Each warning is returned once.
    #[napi(catch_unwind)]
    #[must_use]
    pub fn take_warning(&self) -> Option<String> {
        self.gatekeeper.take_warning()
    }

    /// The path of a database file that a call has created. It is returned once.
    #[napi(catch_unwind)]
    #[must_use]
    pub fn take_created(&self) -> Option<String> {
        self.gatekeeper.take_created().map(|path| path.display().to_string())
    }

    /// Whether the clock is a manual one.
    #[napi(getter, catch_unwind)]
    pub fn is_manual(&self) -> bool {
        self.manual_clock.is_some()
    }

    /// Moves the manual clock forward.
    ///
    /// # Errors
    /// `bad_request` with the system's clock.
    #[napi(catch_unwind)]
    pub fn advance(&self, ms: f64) -> napi::Result<()> {
        let not_manual = || to_napi(GatekeeperError::bad_request("advance needs clock: \"manual\""));
        self.manual_clock.as_ref().ok_or_else(not_manual)?.advance(convert::count(ms));
        Ok(())
    }
}

fn of_last<T>(last: &RefCell<Option<Decision>>, read: impl FnOnce(&Decision) -> T) -> napi::Result<T> {
    let no_call = || to_napi(GatekeeperError::internal("no hot call has verified a valid key yet"));
    last.borrow().as_ref().map(read).ok_or_else(no_call)
}

fn verify_now(
    verifier: &Verifier,
    last: &RefCell<Option<Decision>>,
    call: &FunctionCallContext<'_>,
) -> napi::Result<u32> {
    let key: Text<64> = call.get(0)?;
    let variables: Text<256> = call.get(1)?;
    let registers: Registers<'_> = call.get(2)?;

    let index = usize::try_from(convert::count(registers.get(0))).unwrap_or(usize::MAX);
    let options = VerifyOptions::default();
    let (key, variables) = (key.as_str()?, variables.as_str()?);
    let verdict = match convert::count(registers.get(1)) {
        0 => verifier.start::<&str>(key, index, &[], &options),
        1 => verifier.start(key, index, &[variables], &options),
        _ => match convert::unpack(variables) {
            Some(variables) => verifier.start(key, index, &variables, &options),
            None => Err(GatekeeperError::internal("the packed variables are malformed")),
        },
    };
    let (code, decision) = match verdict.map_err(to_napi)? {
        Started::Pending(_) => return Ok(NEEDS_IO),
        Started::Done(Verdict::RateLimited(decision)) => (RATE_LIMITED, decision),
        Started::Done(Verdict::Admitted(decision)) => (ADMITTED, decision),
        Started::Done(_) => return Ok(INVALID_KEY),
    };
    registers.set([
        decision.remaining().into(),
        decision.total().into(),
        number(decision.reset()),
        number(decision.retry_after_ms()),
        number(decision.identity_serial()),
        number(decision.roles_serial()),
        decision.role_index().map_or(-1.0, |index| number(index as u64)),
        number(decision.window_ms()),
        number(decision.reset_after_ms()),
    ]);
    last.replace(Some(decision));
    Ok(code)
}
