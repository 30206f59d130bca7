//! The native core: every operation of the services as `call(name, json)`, for whoever the credential is of.

use gatekeeper::{Clock, Gatekeeper, GatekeeperError, ManualClock, Options, Secret};
use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;

use crate::convert;
use crate::error::{guarded, to_napi};
use crate::job::{Job, NativeAborter};

/// A place, and for whom it is used.
#[napi]
pub struct NativeCore {
    /// The place as its operator has it.
    gatekeeper: Gatekeeper,
    /// The same for whoever calls.
    caller: Gatekeeper,
    hand: Option<ManualClock>,
}

#[napi]
impl NativeCore {
    /// Opens nothing yet: that is done at first use.
    ///
    /// # Errors
    /// `bad_request` for a URL or an option that is not one.
    #[napi(constructor, catch_unwind)]
    pub fn new(url: String, options_json: String) -> napi::Result<Self> {
        guarded(|| {
            let options = Options::from_json(&options_json)?;
            let hand = match &options.clock {
                Clock::Manual(clock) => Some(clock.clone()),
                Clock::System => None,
            };
            let gatekeeper = Gatekeeper::open_with(&url, options)?;
            Ok(Self { caller: gatekeeper.anonymous(), gatekeeper, hand })
        })
    }

    /// The same database, called with a token, by the operator or anonymously; on behalf of a client address.
    ///
    /// # Errors
    /// `bad_request` for the operator of a server.
    #[napi(catch_unwind)]
    pub fn acting(
        &self,
        token: Option<String>,
        operator: bool,
        client_address: Option<String>,
    ) -> napi::Result<Self> {
        let caller = match token {
            Some(token) => self.gatekeeper.with_token(&Secret::new(token)),
            None if operator => self.gatekeeper.operator().map_err(to_napi)?,
            None => self.gatekeeper.anonymous(),
        };
        let caller = match client_address {
            Some(client_address) => caller.with_client_address(&client_address),
            None => caller,
        };
        Ok(Self { gatekeeper: self.gatekeeper.clone(), caller, hand: self.hand.clone() })
    }

    /// Runs the operation `name` on a request in JSON; answers in JSON.
    ///
    /// # Errors
    /// Where it cannot be begun.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn call<'env>(
        &self,
        env: &'env Env,
        name: String,
        request: String,
        aborter: Option<&NativeAborter>,
    ) -> napi::Result<Unknown<'env>> {
        Job::operation(&self.caller, name, request).start(env, aborter)
    }

    /// The public keys of access tokens, as a JWK Set in JSON.
    ///
    /// # Errors
    /// Where it cannot be begun.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn jwks<'env>(&self, env: &'env Env, aborter: Option<&NativeAborter>) -> napi::Result<Unknown<'env>> {
        Job::jwks(&self.gatekeeper).start(env, aborter)
    }

    /// The file that a call has just made; said once.
    #[napi(catch_unwind)]
    #[must_use]
    pub fn take_created(&self) -> Option<String> {
        self.gatekeeper.take_created().map(|path| path.display().to_string())
    }

    /// What whoever runs the place should be told; each warning is given once.
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
        let no_hand = || to_napi(GatekeeperError::bad_request("advance needs clock: \"manual\""));
        self.hand.as_ref().ok_or_else(no_hand)?.advance(convert::count(ms));
        Ok(())
    }
}
