//! The native core: runs every operation of the services as `call(name, json)`, with one credential.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Clock, GatekeeperError, ManualClock, Options, Secret};
use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;

use crate::convert;
use crate::error::{catch_panic, to_napi};
use crate::job::{Job, NativeAborter};
use crate::key_manager::NativeKeyManager;

/// A database or server, and the credential to use there.
#[napi]
pub struct NativeCore {
    /// The client from which clients with a credential are made. It also serves warnings and the JWK Set.
    gatekeeper: Gatekeeper,
    /// The client that calls run on: with a token, as the operator, or anonymous.
    client: Gatekeeper,
    manual_clock: Option<ManualClock>,
}

#[napi]
impl NativeCore {
    /// Makes a core without I/O. The database is opened on first use.
    ///
    /// # Errors
    /// `bad_request` for a wrong URL or option.
    #[napi(constructor, catch_unwind)]
    pub fn new(url: String, options_json: String) -> napi::Result<Self> {
        catch_panic(|| {
            let options = Options::from_json(&options_json)?;
            let manual_clock = match &options.clock {
                Clock::Manual(clock) => Some(clock.clone()),
                Clock::System => None,
            };
            let gatekeeper = Gatekeeper::open_with(&url, options)?;
            Ok(Self { client: gatekeeper.anonymous(), gatekeeper, manual_clock })
        })
    }

    /// A core for the same database or server with a token, as the operator, or anonymous; for requests from
    /// `client_address`.
    ///
    /// # Errors
    /// `bad_request` for the operator of a server.
    #[napi(catch_unwind)]
    pub fn with_credential(
        &self,
        token: Option<String>,
        operator: bool,
        client_address: Option<String>,
    ) -> napi::Result<Self> {
        let client = match token {
            Some(token) => self.gatekeeper.with_token(&Secret::new(token)),
            None if operator => self.gatekeeper.operator().map_err(to_napi)?,
            None => self.gatekeeper.anonymous(),
        };
        let client = match client_address {
            Some(client_address) => client.with_client_address(&client_address),
            None => client,
        };
        Ok(Self { gatekeeper: self.gatekeeper.clone(), client, manual_clock: self.manual_clock.clone() })
    }

    /// Makes a key manager on this backend, without I/O. It acts for the tenant of the root key; without one, on an
    /// embedded database, as the operator. It does not use the credential of this core.
    ///
    /// # Errors
    /// `bad_request` for an endpoint, and for any option: the core has them.
    #[napi(catch_unwind)]
    pub fn key_manager(
        &self,
        root_api_key: Option<String>,
        endpoints_json: String,
        options_json: String,
        tenants_json: Option<String>,
    ) -> napi::Result<NativeKeyManager> {
        catch_panic(|| {
            convert::no_options(&options_json)?;
            let (gatekeeper, clock) = (self.gatekeeper.clone(), self.manual_clock.clone());
            NativeKeyManager::on(gatekeeper, clock, root_api_key, &endpoints_json, tenants_json.as_deref())
        })
    }

    /// Runs the operation `name` with a request in JSON. The promise resolves to its output in JSON.
    ///
    /// # Errors
    /// If the call cannot be started.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn call<'env>(
        &self,
        env: &'env Env,
        name: String,
        request: String,
        aborter: Option<&NativeAborter>,
    ) -> napi::Result<Unknown<'env>> {
        Job::operation(&self.client, name, request).start(env, aborter)
    }

    /// The public keys that verify access tokens, as a JWK Set in JSON.
    ///
    /// # Errors
    /// If the call cannot be started.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn jwks<'env>(&self, env: &'env Env, aborter: Option<&NativeAborter>) -> napi::Result<Unknown<'env>> {
        Job::jwks(&self.gatekeeper).start(env, aborter)
    }

    /// The path of a database file that a call has created. It is returned once.
    #[napi(catch_unwind)]
    #[must_use]
    pub fn take_created(&self) -> Option<String> {
        self.gatekeeper.take_created().map(|path| path.display().to_string())
    }

    /// The next warning for the operator. Each warning is returned once.
    #[napi(catch_unwind)]
    #[must_use]
    pub fn take_warning(&self) -> Option<String> {
        self.gatekeeper.take_warning()
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
