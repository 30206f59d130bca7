//! Verification against a set of endpoints, on an embedded backend.

use std::sync::Arc;

use super::credential::{Authority, Credential};
use super::endpoints::CompiledEndpoints;
use super::engine::OpenEngine;
use super::find::Presented;
use super::options::{EndpointRef, VerifyOptions, check_arguments};
use super::tenants::{KeysOf, Tenants};
use super::verdict::Verdict;
use super::verification::{Need, Step, Verification};
use crate::deadline;
use crate::error::{GatekeeperError, Result};
use crate::limit::Endpoints;
use crate::secret::Secret;

/// Verifies keys of an embedded database.
#[derive(Clone)]
pub(crate) struct EmbeddedVerifier {
    engine: OpenEngine,
    credential: Arc<Credential>,
    endpoints: Arc<CompiledEndpoints>,
    /// The tenants whose keys the operator accepts. A root key accepts those of its tenant.
    tenants: Tenants,
}

/// A verification that has begun: it has a verdict, or it must wait.
pub(crate) enum Begun {
    Done(Verdict),
    Waits(Box<Waiting>),
}

/// A verification that must wait, with its arguments.
pub(crate) struct Waiting {
    verifier: EmbeddedVerifier,
    key: Secret,
    /// The index of the endpoint; none if it is not defined.
    endpoint: Option<usize>,
    variables: Vec<String>,
    scopes: Vec<String>,
    cost: u32,
    client_address: Option<String>,
    waits_for: WaitsFor,
}

enum WaitsFor {
    /// The validation of the credential.
    Authority,
    /// What the verification needs.
    Need(Authority, Need),
}

impl EmbeddedVerifier {
    pub(crate) fn new(engine: OpenEngine, credential: Arc<Credential>, endpoints: Endpoints) -> Self {
        Self {
            endpoints: Arc::new(CompiledEndpoints::new(endpoints)),
            engine,
            credential,
            tenants: Tenants::DEFAULT,
        }
    }

    /// The same verifier for the keys of these tenants.
    ///
    /// # Errors
    /// `bad_request` with a root key.
    pub(crate) fn with_tenants(self, tenants: Tenants) -> Result<Self> {
        match *self.credential {
            Credential::Operator => Ok(Self { tenants, ..self }),
            _ => Err(tenants_of_root_key()),
        }
    }

    /// Verifies a key as far as that needs no I/O.
    #[inline]
    pub(crate) fn begin<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: EndpointRef<'_>,
        variables: &[V],
        options: &VerifyOptions<'_>,
    ) -> Result<Begun> {
        let VerifyOptions { cost, scopes, client_address } = *options;
        let endpoint = self.endpoints.index(endpoint);
        let waits_for = 'waits: {
            let Some(view) = self.engine.view()? else { break 'waits WaitsFor::Authority };
            let Some(authority) = self.credential.cached_authority(&view)? else {
                break 'waits WaitsFor::Authority;
            };
            let at = Some(self.endpoints.at(endpoint)?);
            check_arguments(variables, scopes, cost, client_address)?;
            let keys_of = authority.keys_of(&self.tenants);
            let key = Presented::Key(key);
            let verification = Verification { key, keys_of, endpoint: at, variables, scopes, cost };
            match verification.begin_at(&self.engine, view)? {
                Step::Done(verdict) => return Ok(Begun::Done(verdict)),
                Step::Need(need) => WaitsFor::Need(authority, need),
            }
        };
        Ok(self.waiting(key, endpoint, variables, options, waits_for))
    }

    #[cold]
    fn waiting<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: Option<usize>,
        variables: &[V],
        options: &VerifyOptions<'_>,
        waits_for: WaitsFor,
    ) -> Begun {
        Begun::Waits(Box::new(Waiting {
            verifier: self.clone(),
            key: Secret::new(key),
            endpoint,
            variables: variables.iter().map(|variable| variable.as_ref().to_owned()).collect(),
            scopes: options.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            cost: options.cost,
            client_address: options.client_address.map(str::to_owned),
            waits_for,
        }))
    }
}

impl Waiting {
    /// Whether it waits for the reply of counters, and for nothing else.
    pub(crate) fn awaits_reply(&self) -> bool {
        let is_next = matches!(&self.waits_for, WaitsFor::Need(_, Need::Permit(_)));
        is_next && self.verifier.engine.counters_reply_later()
    }

    /// Asks these counters. `reply` is called with the verdict.
    pub(crate) fn ask(mut self, reply: impl FnOnce(Result<Verdict>) + Send + 'static) -> Result<()> {
        let WaitsFor::Need(authority, Need::Permit(selected)) = self.take() else {
            return Err(GatekeeperError::internal("counters were asked too early"));
        };
        self.verification(authority)?.ask(&self.verifier.engine, selected, reply)
    }

    /// Goes on, waiting for the disk on this thread: until there is a verdict, or a reply to wait for.
    pub(crate) fn advance(mut self: Box<Self>) -> Result<Begun> {
        deadline::call(|| {
            while !self.awaits_reply() {
                let (authority, step) = match self.take() {
                    WaitsFor::Authority => self.begin()?,
                    WaitsFor::Need(authority, need) => {
                        let verification = self.verification(authority)?;
                        (authority, verification.supply(&self.verifier.engine, need, None)?)
                    }
                };
                match step {
                    Step::Done(verdict) => return Ok(Begun::Done(verdict)),
                    Step::Need(need) => self.waits_for = WaitsFor::Need(authority, need),
                }
            }
            Ok(Begun::Waits(self))
        })
    }

    /// Validates the credential and the arguments, and begins the verification.
    fn begin(&self) -> Result<(Authority, Step)> {
        let engine = &self.verifier.engine;
        let authority = self.verifier.credential.authority(engine)?;
        let verification = self.verification(authority)?;
        check_arguments(&self.variables, &self.scopes, self.cost, self.client_address.as_deref())?;
        Ok((authority, verification.begin(engine)?))
    }

    fn verification(&self, authority: Authority) -> Result<Verification<'_, String, String>> {
        Ok(Verification {
            key: Presented::Key(self.key.expose()),
            keys_of: authority.keys_of(&self.verifier.tenants),
            endpoint: Some(self.verifier.endpoints.at(self.endpoint)?),
            variables: &self.variables,
            scopes: &self.scopes,
            cost: self.cost,
        })
    }

    fn take(&mut self) -> WaitsFor {
        std::mem::replace(&mut self.waits_for, WaitsFor::Authority)
    }
}

impl Authority {
    /// The keys that may be verified: those of a root key's tenant, for the operator those of `tenants`.
    #[inline]
    pub(crate) fn keys_of(self, tenants: &Tenants) -> KeysOf<'_> {
        match self {
            Self::Operator => KeysOf::Operators(tenants),
            Self::RootKey(root) => KeysOf::Tenant(root.tenant),
        }
    }
}

/// The error for a list of tenants with a root key.
pub(crate) fn tenants_of_root_key() -> GatekeeperError {
    GatekeeperError::bad_request("tenants: a root key accepts the keys of its own tenant: leave tenants out")
}
