use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::asked::Asked;
use crate::authz::{Access, Context};
use crate::error::Result;
use crate::limit::Endpoint;
use crate::operation::keys::KeyVerdict;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Begun, ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::verify::{CompiledEndpoint, Cost, check_arguments};
use crate::whole::Range as _;

/// Verifies a key against the endpoint in the request, and acquires permits of the limit that applies to it. It accepts the
/// keys of the root key's tenant, or, for the operator, of the tenant `default`. The SDKs' key managers use it on a server.
/// Inside a process, a [`Verifier`](crate::Verifier) does the same, faster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyUserKey {
    /// The API key.
    #[serde(with = "ExposeSecret")]
    pub key: Secret,
    /// The endpoint's name. It shares its windows with the endpoint of this name in a [`Verifier`](crate::Verifier).
    pub endpoint: String,
    /// The variables, such as ids from the path: every distinct list has its own window. At most 1,000, 8 KiB
    /// together. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::variables))]
    #[serde(default)]
    pub variables: Vec<String>,
    /// The limits of the endpoint: `{default, roles}`. A limit is `{maxReq, duration}`, with the duration in milliseconds, or
    /// text such as `10/minute`.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::definition))]
    pub definition: Map<String, Value>,
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
}

impl Operation for VerifyUserKey {
    type Checked = Asked;
    type Output = KeyVerdict;
    const NAME: &'static str = "keyManager.verify";
    const ROUTE: Route = Route::new(Method::Post, "/v1/key-manager/verify", 200);
    const ACCESS: Access = Access::RootKey;
    const LOOKS_UP_KEY: bool = true;

    fn check(self) -> Result<Asked> {
        check_arguments(&self.variables, &self.scopes, self.cost, self.client_address.as_deref())?;
        let endpoint = Endpoint::from_definition(&self.definition)?;
        Ok(Asked {
            key: self.key,
            endpoint: CompiledEndpoint::of_one_call(&self.endpoint, endpoint),
            variables: self.variables,
            scopes: self.scopes,
            cost: self.cost,
        })
    }

    fn begin(asked: Asked, context: &Context<'_>) -> Result<Begun<KeyVerdict>> {
        asked.begin(context, KeyVerdict::noted)
    }

    fn run(asked: Asked, context: &Context<'_>) -> Result<KeyVerdict> {
        Self::begin(asked, context)?.finish(context)
    }
}

fn one() -> u32 {
    1
}
