use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authz::{Access, Context, Principal, Throttle, check_scopes, covers, forbidden};
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId, UserId};
use crate::operation::field::{Cost, from_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Route};
use crate::secret::Secret;
use crate::verify::{
    CacheEntry, Io, KeysOf, Tenants, ValidatedKey, Verdict, VerdictCode, check_variables, tenants_of_root_key,
};
use crate::whole::Range as _;

/// Verifies a key at a defined endpoint, and acquires permits of the limit that applies to it. For the operator, root
/// keys, and members who may read the keys of the key's tenant. Only the keys of `tenants` are valid: by default, those
/// of the tenant `default` for the operator, of its tenant for a root key, and of their tenant for members of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
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
    /// The tenants whose keys are accepted: `"all"`, or a list of ids, where `"default"` is the tenant `default`. If
    /// sign-up is open, anyone can own a tenant: list only tenants that you trust. Defaults to `default` for the
    /// operator, and to their tenant for members of one; members of several must list them. Rejected with a root key,
    /// which accepts the keys of its tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Tenants>,
}

/// The verdict on a key. Fields that are unknown, such as those of an invalid key, are null.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyVerdict {
    /// Whether the key is valid.
    pub key_valid: bool,
    /// Whether the request may be processed.
    pub ok: bool,
    /// The reason.
    pub code: VerdictCode,
    /// The permits left in the window; null if no limit was checked.
    pub remaining: Option<u32>,
    /// The limit that applies; null if no limit was checked.
    pub total: Option<u32>,
    /// When more permits are free, in Unix seconds; null if no limit was checked.
    pub reset: Option<u64>,
    /// The milliseconds to wait before a retry, 0 when admitted; null if no limit was checked.
    pub retry_after_ms: Option<u64>,
    /// The duration of the window, in milliseconds; null if no limit was checked.
    pub window_ms: Option<u64>,
    /// The exact time until `reset`, in milliseconds; null if no limit was checked.
    pub reset_after_ms: Option<u64>,
    /// The key's id.
    pub key_id: Option<KeyId>,
    /// The key's tenant.
    pub tenant_id: Option<TenantId>,
    /// The key's owner in your application.
    pub owner_id: Option<String>,
    /// The key's roles, which select its rate limit; sorted by bytes.
    pub roles: Option<Vec<Arc<str>>>,
    /// The role that selected the limit; null for the default.
    pub role: Option<String>,
    /// The key's scopes, sorted by bytes.
    pub scopes: Option<Vec<String>>,
    /// The key's metadata.
    pub metadata: Option<Map<String, Value>>,
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
            tenants: None,
        }
    }
}

impl Operation for VerifyApiKey {
    type Output = KeyVerdict;
    const NAME: &'static str = "keys.verify";
    const ROUTE: Route = Route::new(Method::Post, "/v1/keys/verify", 200);
    const ACCESS: Access = Access::Known;
    const LOOKS_UP_KEY: bool = true;
    const POSITIONAL: &'static [&'static str] = &["key", "endpoint"];

    fn check(&self) -> Result<()> {
        check_variables(&self.variables)?;
        check_scopes(self.scopes.clone())?;
        Cost::check("cost", Some(self.cost))
    }

    fn run(self, context: &Context<'_>) -> Result<KeyVerdict> {
        let verdict = self.verdict(context, Io::Allowed)?.ok_or_else(no_verdict)?;
        context.note(verdict.code);
        Ok(verdict)
    }

    fn try_run(&self, context: &Context<'_>) -> Result<Option<KeyVerdict>> {
        let verdict = self.verdict(context, Io::Forbidden)?;
        if let Some(verdict) = &verdict {
            context.note(verdict.code);
        }
        Ok(verdict)
    }
}

impl VerifyApiKey {
    /// The verdict; none if it would need I/O and `io` forbids that.
    fn verdict(&self, context: &Context<'_>, io: Io) -> Result<Option<KeyVerdict>> {
        let members;
        let keys_of = match (context.principal(), &self.tenants) {
            (Principal::Operator, None) => Some(KeysOf::Operators(&Tenants::DEFAULT)),
            (Principal::Operator, Some(tenants)) => Some(KeysOf::Operators(tenants)),
            (Principal::RootKey { tenant, .. }, None) => Some(KeysOf::Tenant(*tenant)),
            (Principal::RootKey { .. }, Some(_)) => return Err(tenants_of_root_key()),
            (Principal::User { .. }, Some(tenants)) => Some(KeysOf::Members(tenants)),
            (Principal::User { id, .. }, None) => {
                members = only_tenant_of(context, *id)?;
                members.as_ref().map(KeysOf::Members)
            }
            (Principal::ApiKey { .. } | Principal::Anonymous, _) => {
                return Err(forbidden("this call needs a root key, or the token of a member"));
            }
        };
        let (engine, endpoint) = (context.engine(), context.endpoints().get(&self.endpoint)?);
        let Some(view) = engine.view(io)? else { return Ok(None) };
        let found = match keys_of {
            Some(keys_of) => engine.valid_key(self.key.expose(), keys_of, view, io)?,
            None => Some(CacheEntry::Unknown),
        };
        let Some(found) = found else { return Ok(None) };
        let is_member = matches!(context.principal(), Principal::User { .. });
        let CacheEntry::Known(known) = found else {
            if is_member {
                context.consume(Throttle::Key)?;
            }
            return Ok(Some(KeyVerdict::invalid()));
        };
        if is_member && !context.may_in(known.tenant, "keys:read")? {
            return Ok(Some(KeyVerdict::invalid()));
        }
        if !engine.touch(&known, view, io) {
            return Ok(None);
        }

        let verdict = KeyVerdict::of(&ValidatedKey(Arc::clone(&known)))?;
        let has = |scope: &String| known.scopes().iter().any(|held| covers(held, scope));
        if !self.scopes.iter().all(has) {
            return Ok(Some(verdict));
        }
        let acquired = engine.admit(known, endpoint, &self.variables, self.cost, view, io)?;
        Ok(acquired.map(|acquired| verdict.with(&acquired)))
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

impl KeyVerdict {
    fn invalid() -> Self {
        Self {
            key_valid: false,
            ok: false,
            code: VerdictCode::InvalidKey,
            remaining: None,
            total: None,
            reset: None,
            retry_after_ms: None,
            window_ms: None,
            reset_after_ms: None,
            key_id: None,
            tenant_id: None,
            owner_id: None,
            roles: None,
            role: None,
            scopes: None,
            metadata: None,
        }
    }

    /// The verdict on a valid key, before its limit is checked.
    fn of(key: &ValidatedKey) -> Result<Self> {
        Ok(Self {
            key_valid: true,
            code: VerdictCode::InsufficientScope,
            key_id: Some(key.id()),
            tenant_id: Some(key.tenant_id()),
            owner_id: key.owner_id().map(str::to_owned),
            roles: Some(key.roles().to_vec()),
            scopes: Some(key.scopes().to_vec()),
            metadata: from_text(key.metadata())?,
            ..Self::invalid()
        })
    }

    /// The same verdict with the result of its limit.
    fn with(self, verdict: &Verdict) -> Self {
        let Some(decision) = verdict.decision() else { return Self::invalid() };
        Self {
            ok: verdict.ok(),
            code: if verdict.ok() { VerdictCode::Valid } else { VerdictCode::RateLimited },
            remaining: Some(decision.remaining()),
            total: Some(decision.total()),
            reset: Some(decision.reset()),
            retry_after_ms: Some(decision.retry_after_ms()),
            window_ms: Some(decision.window_ms()),
            reset_after_ms: Some(decision.reset_after_ms()),
            role: decision.role().map(str::to_owned),
            ..self
        }
    }
}

fn one() -> u32 {
    1
}

fn no_verdict() -> GatekeeperError {
    GatekeeperError::internal("no verdict, although I/O was allowed")
}
