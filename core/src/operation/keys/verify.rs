use serde::{Deserialize, Serialize};

use super::verdict::KeyVerdict;
use crate::authz::{Access, Context, Principal, Throttle, forbidden};
use crate::error::{GatekeeperError, Result};
use crate::id::UserId;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Begun, ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::verify::{
    Cost, KeysOf, Presented, Tenants, Verdict, Verification, check_arguments, tenants_of_root_key,
};
use crate::whole::Range as _;

/// Verifies a key at a defined endpoint, and acquires permits of the limit that applies to it. For the operator, root
/// keys, and members who may read the keys of the key's tenant. Only the keys of `tenants` are valid: by default, those
/// of the tenant `default` for the operator, of its tenant for a root key, and of their tenant for members of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyApiKey {
    /// The API key.
    #[serde(with = "ExposeSecret")]
    pub key: Secret,
    /// The endpoint's name.
    pub endpoint: String,
    /// The variables, such as ids from the path: every distinct list has its own window. At most 1,000, 8 KiB
    /// together. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::variables))]
    #[serde(default)]
    pub variables: Vec<String>,
    /// The number of permits to acquire: 1 to the limit that applies. Defaults to 1.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Cost>))]
    #[serde(default = "one", deserialize_with = "Cost::read")]
    pub cost: u32,
    /// The scopes that the key must have: at most 100. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The address of the client that sent the key, with or without a port. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// The tenants whose keys are accepted: `"all"`, or a list of ids, where `"default"` is the tenant `default`. If
    /// sign-up is open, anyone can own a tenant: list only tenants that you trust. Defaults to `default` for the
    /// operator, and to their tenant for members of one; members of several must list them. Rejected with a root key,
    /// which accepts the keys of its tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Tenants>,
}

impl VerifyApiKey {
    /// A verification at this endpoint, with defaults for all other fields.
    #[must_use]
    pub fn new(key: Secret, endpoint: &str) -> Self {
        Self {
            key,
            endpoint: endpoint.to_owned(),
            variables: Vec::new(),
            cost: 1,
            scopes: Vec::new(),
            client_address: None,
            tenants: None,
        }
    }
}

impl Operation for VerifyApiKey {
    type Checked = Self;
    type Output = KeyVerdict;
    const NAME: &'static str = "keys.verify";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys/verify", 200);
    const ACCESS: Access = Access::Known;
    const LOOKS_UP_KEY: bool = true;
    const POSITIONAL: &'static [&'static str] = &["key", "endpoint"];

    fn check(self) -> Result<Self> {
        check_arguments(&self.variables, &self.scopes, self.cost, self.client_address.as_deref())?;
        Ok(self)
    }

    fn begin(request: Self, context: &Context<'_>) -> Result<Begun<KeyVerdict>> {
        // The tenants and the rights of a member are in the store.
        if let Principal::User { id, .. } = *context.principal() {
            return Ok(Begun::waits(move |context| request.run_for_member(context, id)));
        }
        let step = request.verification(context, request.keys_of(context)?)?.begin(context.engine())?;
        let finish = move |context: &Context<'_>, need| {
            let verification = request.verification(context, request.keys_of(context)?)?;
            verification.supply_all(context.engine(), need, None)
        };
        Begun::verification(context, step, finish, KeyVerdict::noted)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<KeyVerdict> {
        Self::begin(request, context)?.finish(context)
    }
}

impl VerifyApiKey {
    /// The keys that a caller who is not a user accepts.
    fn keys_of(&self, context: &Context<'_>) -> Result<KeysOf<'_>> {
        match (context.principal(), &self.tenants) {
            (Principal::Operator, tenants) => {
                Ok(KeysOf::Operators(tenants.as_ref().unwrap_or(&Tenants::DEFAULT)))
            }
            (Principal::RootKey { tenant, .. }, None) => Ok(KeysOf::Tenant(*tenant)),
            (Principal::RootKey { .. }, Some(_)) => Err(tenants_of_root_key()),
            _ => Err(forbidden("this call needs a root key, or the token of a member")),
        }
    }

    fn verification<'a>(
        &'a self,
        context: &'a Context<'_>,
        keys_of: KeysOf<'a>,
    ) -> Result<Verification<'a, String, String>> {
        let endpoints = context.endpoints();
        let endpoint = endpoints.at(endpoints.index(self.endpoint.as_str().into()))?;
        Ok(Verification {
            key: Presented::Key(self.key.expose()),
            keys_of,
            endpoint: Some(endpoint),
            variables: &self.variables,
            scopes: &self.scopes,
            cost: self.cost,
        })
    }

    /// The verdict for a member. A key that is not valid for them is counted against the client address.
    fn run_for_member(mut self, context: &Context<'_>, user: UserId) -> Result<KeyVerdict> {
        let tenants = match self.tenants.take() {
            Some(tenants) => Some(tenants),
            None => only_tenant_of(context, user)?,
        };
        // A member of no tenant accepts no key.
        let keys_of = tenants.as_ref().map_or(KeysOf::NoTenant, KeysOf::Members);
        let verification = self.verification(context, keys_of)?;
        let may_verify = |tenant| context.may_in(tenant, "keys:read");
        let engine = context.engine();
        let verdict = verification.finish(engine, verification.begin(engine)?, Some(&may_verify))?;
        if let Verdict::InvalidKey = verdict {
            context.consume(Throttle::Key)?;
        }
        KeyVerdict::noted(context, verdict)
    }
}

/// The tenant of a user who is a member of exactly one; none if they are a member of none.
///
/// # Errors
/// `bad_request` for a member of several: anyone can create a tenant and add them to it.
fn only_tenant_of(context: &Context<'_>, user: UserId) -> Result<Option<Tenants>> {
    let mut tenants = context.read(|rows| rows.tenants_of(user, None, 2))?;
    match (tenants.pop(), tenants.pop()) {
        (only, None) => Ok(only.map(|only| only.tenant.id.into())),
        _ => Err(GatekeeperError::bad_request(
            "tenants is missing: you are a member of several tenants: name those whose keys are accepted",
        )),
    }
}

fn one() -> u32 {
    1
}
