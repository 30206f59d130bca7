use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authz::{Access, Context};
use crate::error::Result;
use crate::id::{KeyId, TenantId};
use crate::key::KeyStatus;
use crate::operation::field::from_text;
use crate::operation::{Begun, ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::verify::{Presented, Step, ValidatedKey, Verdict, validation};

/// Validates a key, and returns its tenant, owner and scopes. It does not count against a limit. Anyone who holds the key
/// may call it, and keys of all tenants are valid: compare `tenantId` before you trust the key, or call `keys.verify`.
/// Inside a process, [`Gatekeeper::validate`](crate::blocking::Gatekeeper::validate) does the same, faster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ValidateApiKey {
    /// The API key.
    #[serde(with = "ExposeSecret")]
    pub key: Secret,
}

/// The validated key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ValidatedApiKey {
    /// The key's id.
    pub id: KeyId,
    /// The key's tenant.
    pub tenant_id: TenantId,
    /// The key's owner in your application.
    pub owner_id: Option<String>,
    /// The key's scopes, sorted by bytes.
    pub scopes: Vec<String>,
    /// The key's roles, which select its rate limit; sorted by bytes.
    pub roles: Vec<Arc<str>>,
    /// Always `active`.
    pub status: KeyStatus,
    /// When the key expires, or this secret of a rotated key if that is earlier, in Unix ms; null for never.
    pub expires_at: Option<i64>,
    /// The key's metadata.
    pub metadata: Option<Map<String, Value>>,
}

impl Operation for ValidateApiKey {
    type Checked = Self;
    type Output = ValidatedApiKey;
    const NAME: &'static str = "keys.validate";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys/validate", 200);
    const ACCESS: Access = Access::Public;
    const LOOKS_UP_KEY: bool = true;
    const POSITIONAL: &'static [&'static str] = &["key"];

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn begin(request: Self, context: &Context<'_>) -> Result<Begun<ValidatedApiKey>> {
        let step = validation(Presented::Key(request.key.expose())).begin(context.engine())?;
        // An invalid key is counted against the client address, which may wait.
        if matches!(step, Step::Done(Verdict::InvalidKey)) {
            return Ok(Begun::waits(|context| shown(context, Verdict::InvalidKey)));
        }
        let finish = move |context: &Context<'_>, need| {
            let validation = validation(Presented::Key(request.key.expose()));
            validation.supply_all(context.engine(), need, None)
        };
        Begun::verification(context, step, finish, shown)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<ValidatedApiKey> {
        Self::begin(request, context)?.finish(context)
    }
}

fn shown(context: &Context<'_>, verdict: Verdict) -> Result<ValidatedApiKey> {
    context.shown_key(ValidatedKey::of(verdict))?.try_into()
}

impl TryFrom<ValidatedKey> for ValidatedApiKey {
    type Error = crate::error::GatekeeperError;

    fn try_from(key: ValidatedKey) -> Result<Self> {
        Ok(Self {
            id: key.id(),
            tenant_id: key.tenant_id(),
            owner_id: key.owner_id().map(str::to_owned),
            scopes: key.scopes().to_vec(),
            roles: key.roles().to_vec(),
            status: KeyStatus::Active,
            expires_at: key.expires_at(),
            metadata: from_text(key.metadata())?,
        })
    }
}
