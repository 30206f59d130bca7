//! The native key manager.

use std::rc::Rc;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Endpoints, GatekeeperError, ManualClock, Result, Secret, Tenants};
use napi::Env;
use napi::bindgen_prelude::{Function, Unknown};
use napi_derive::napi;

use crate::convert::{self, verdict};
use crate::error::{catch_panic, to_napi};
use crate::job::Job;
use crate::verify::HotVerifier;

/// A database or server, the credential to use there, and endpoints.
#[napi]
pub struct NativeKeyManager {
    gatekeeper: Gatekeeper,
    hot: Rc<HotVerifier>,
    endpoint_names: Vec<String>,
    manual_clock: Option<ManualClock>,
}

impl NativeKeyManager {
    /// A key manager on a backend: for the tenant of the root key; without one, as the caller of `gatekeeper`.
    pub(crate) fn on(
        gatekeeper: Gatekeeper,
        manual_clock: Option<ManualClock>,
        root_api_key: Option<String>,
        endpoints_json: &str,
        tenants_json: Option<&str>,
    ) -> Result<Self> {
        let endpoints = Endpoints::from_json(endpoints_json)?;
        let endpoint_names = endpoints.names().map(str::to_owned).collect();
        let gatekeeper = match root_api_key {
            Some(key) => gatekeeper.with_root_key(&Secret::new(key)),
            None => gatekeeper,
        };
        let mut verifier = gatekeeper.verifier(endpoints)?;
        if let Some(tenants) = tenants_json {
            verifier = verifier.with_tenants(Tenants::from_json(tenants)?)?;
        }
        let hot = Rc::new(HotVerifier::new(gatekeeper.clone(), verifier));
        Ok(Self { gatekeeper, hot, endpoint_names, manual_clock })
    }
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
            let gatekeeper = Gatekeeper::open_with(&url, options)?;
            Self::on(gatekeeper, manual_clock, root_api_key, &endpoints_json, tenants_json.as_deref())
        })
    }

    /// The names of the endpoints. The hot call accepts an index of this list.
    #[napi(getter, catch_unwind)]
    pub fn endpoint_names(&self) -> Vec<String> {
        self.endpoint_names.clone()
    }

    /// The hot call, as a plain function: it is faster than a method.
    ///
    /// Its arguments are `(key, variables, registers, texts?)`. `variables` and `texts` are
    /// [packed](convert::with_unpacked) lists. `registers[0]` is the index of the endpoint and `registers[1]` the number
    /// of variables. A call with options also has `registers[2]`, the cost, and `texts`: `registers[3]` scopes, then the
    /// client address if `registers[4]` is 1.
    ///
    /// It returns a code. For a valid key it sets `registers` to the [numbers](verdict::numbers) of the verdict. If the
    /// verification needs I/O, [`finish`](Self::finish) or [`finish_sync`](Self::finish_sync) must follow.
    ///
    /// # Errors
    /// Those of a verification.
    #[napi(
        catch_unwind,
        ts_return_type = "(key: string, variables: string, registers: Float64Array, texts?: string) => number"
    )]
    pub fn hot_verify<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<Function<'env, (String, String, f64), u32>> {
        let hot = Rc::clone(&self.hot);
        env.create_function_from_closure("verify", move |call| hot.verify(&call))
    }

    /// A function that returns the [identity](verdict::identity) of the last valid key of a hot call.
    ///
    /// # Errors
    /// `internal` if there was no such call.
    #[napi(catch_unwind, ts_return_type = "() => string")]
    pub fn hot_identity<'env>(&self, env: &'env Env) -> napi::Result<Function<'env, (), String>> {
        let hot = Rc::clone(&self.hot);
        env.create_function_from_closure("identity", move |_| hot.of_last(verdict::identity))
    }

    /// The roles of the last valid key of a hot call, sorted by bytes.
    ///
    /// # Errors
    /// `internal` if there was no such call.
    #[napi(catch_unwind)]
    pub fn last_roles(&self) -> napi::Result<Vec<String>> {
        let owned = |roles: Vec<&str>| roles.into_iter().map(str::to_owned).collect();
        self.hot.of_last(|decision| Ok(owned(verdict::roles(decision))))
    }

    /// Does what is left of the last hot call, which needs I/O. The promise resolves to the verdict in
    /// [JSON](verdict::json).
    ///
    /// # Errors
    /// `internal` if the last call did not need I/O.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn finish<'env>(&self, env: &'env Env) -> napi::Result<Unknown<'env>> {
        Job::verification(&self.gatekeeper, self.hot.take_pending()?).start(env, None)
    }

    /// [`finish`](Self::finish) on this thread.
    ///
    /// # Errors
    /// Those of a verification.
    #[napi(catch_unwind)]
    pub fn finish_sync(&self) -> napi::Result<String> {
        Job::verification(&self.gatekeeper, self.hot.take_pending()?).wait()
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
