use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::asked::Asked;
use crate::authz::{Access, Context};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::limit::Endpoint;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Begun, ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::verify::{CompiledEndpoint, Verdict, check_arguments};

/// Verifies a key against the limits in the request. It accepts the keys of the root key's tenant, or, for the operator,
/// of the tenant `default`. Inside a process, a [`Verifier`](crate::Verifier) does the same, faster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyKey {
    /// The API key.
    #[serde(with = "ExposeSecret")]
    pub apikey: Secret,
    /// The endpoint's name. It shares its windows with the endpoint of this name in a [`Verifier`](crate::Verifier).
    pub endpoint: String,
    /// The variables, such as ids from the path: every distinct list has its own window. At most 1,000, 8 KiB
    /// together. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::variables))]
    #[serde(default)]
    pub variables: Vec<String>,
    /// The limits of the endpoint: `{DEFAULT: {maxReq, duration}, ROLE: …}`, durations in milliseconds.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::ratelimits))]
    pub ratelimits: Map<String, Value>,
}

/// The verdict on a key. The fields after `ok` are present if the key is valid.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VerifyOutput {
    /// Whether the key is valid.
    pub key_valid: bool,
    /// Whether the request may be processed.
    pub ok: bool,
    /// The verdict on a valid key.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub decision: Option<VerifyDecision>,
}

/// The verdict on a valid key: see [`Decision`](crate::Decision).
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VerifyDecision {
    /// The requests left in the window.
    pub remaining: u32,
    /// The limit that applies.
    pub total: u32,
    /// When more requests are admitted, in Unix seconds.
    pub reset: u64,
    /// The milliseconds to wait before a retry; 0 when admitted.
    pub retry_after_ms: u64,
    /// The duration of the window, in milliseconds.
    pub window_ms: u64,
    /// The exact time until `reset`, in milliseconds.
    pub reset_after_ms: u64,
    /// The key's id.
    pub key_id: KeyId,
    /// The key's tenant.
    pub tenant_id: TenantId,
    /// The key's owner.
    pub owner_id: Option<String>,
    /// The key's roles, sorted by bytes.
    pub roles: Vec<Arc<str>>,
    /// The role that selected the limit; null for the default.
    pub role: Option<String>,
}

impl Operation for VerifyKey {
    type Checked = Asked;
    type Output = VerifyOutput;
    const NAME: &'static str = "keyManager.verifyKey";
    const ROUTE: Route = Route::new(Method::Post, "/api/v1/keys/verify", 200);
    const ACCESS: Access = Access::KeyManager;
    const LOOKS_UP_KEY: bool = true;

    fn check(self) -> Result<Asked> {
        check_arguments::<_, &str>(&self.variables, &[], 1, None)?;
        let endpoint = Endpoint::from_ratelimits(&self.ratelimits)?;
        Ok(Asked {
            key: self.apikey,
            endpoint: CompiledEndpoint::of_one_call(&self.endpoint, endpoint),
            variables: self.variables,
            scopes: Vec::new(),
            cost: 1,
        })
    }

    fn begin(asked: Asked, context: &Context<'_>) -> Result<Begun<VerifyOutput>> {
        asked.begin(context, |context, verdict| {
            context.note(verdict.code());
            Ok(verdict.into())
        })
    }

    fn run(asked: Asked, context: &Context<'_>) -> Result<VerifyOutput> {
        Self::begin(asked, context)?.finish(context)
    }
}

impl From<Verdict> for VerifyOutput {
    fn from(verdict: Verdict) -> Self {
        let decision = verdict.decision().map(|decision| VerifyDecision {
            remaining: decision.remaining(),
            total: decision.total(),
            reset: decision.reset(),
            retry_after_ms: decision.retry_after_ms(),
            window_ms: decision.window_ms(),
            reset_after_ms: decision.reset_after_ms(),
            key_id: decision.key_id(),
            tenant_id: decision.tenant_id(),
            owner_id: decision.owner_id().map(str::to_owned),
            roles: decision.roles().to_vec(),
            role: decision.role().map(str::to_owned),
        });
        Self { key_valid: verdict.key_valid(), ok: verdict.ok(), decision }
    }
}
