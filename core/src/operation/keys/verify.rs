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

/// Verifies a key at one of the endpoints that are defined, and takes permits of its limit. For the operator, a root
/// key, and members who may read the keys of the key's tenant. Only keys of the `tenants` that are named are valid: by
/// default the operator's tenant `default`, a root key's own tenant, and the one tenant of a member who has no other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyApiKey {
    /// The key itself.
    #[serde(with = "ExposeSecret")]
    pub key: Secret,
    /// The endpoint's name.
    pub endpoint: String,
    /// At most 1,000, 8 KiB together. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::variables))]
    #[serde(default)]
    pub variables: Vec<String>,
    /// How many permits it takes: 1 to the limit that applies. Defaults to 1.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Cost>))]
    #[serde(default = "one", deserialize_with = "Cost::read")]
    pub cost: u32,
    /// What the key must be good for: at most 100. Defaults to nothing.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The tenants whose keys are accepted: `"all"`, or a list of ids, in which `"default"` stands for the tenant
    /// `default`. Anyone may own a tenant where sign-up is open: name those that you trust. Defaults to `default` for the
    /// operator, and to their tenant for members of one; members of several must name them. Not for a root key, which
    /// accepts the keys of its own tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Tenants>,
}

/// The verdict. What is not known of the key is null.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyVerdict {
    /// Whether the key is good.
    pub key_valid: bool,
    /// Whether the request may be processed.
    pub ok: bool,
    /// Why, or why not.
    pub code: VerdictCode,
    /// Permits left in the window; none where no limit was asked.
    pub remaining: Option<u32>,
    /// The limit that applies; none where no limit was asked.
    pub total: Option<u32>,
    /// When that changes in the caller's favour, Unix seconds; none where no limit was asked.
    pub reset: Option<u64>,
    /// Milliseconds to wait, 0 when admitted; none where no limit was asked.
    pub retry_after_ms: Option<u64>,
    /// The duration of the window, in milliseconds; none where no limit was asked.
    pub window_ms: Option<u64>,
    /// The exact time until `reset`, in milliseconds; none where no limit was asked.
    pub reset_after_ms: Option<u64>,
    /// The key's id.
    pub key_id: Option<KeyId>,
    /// Its tenant.
    pub tenant_id: Option<TenantId>,
    /// Whose it is in your application.
    pub owner_id: Option<String>,
    /// What chooses its rate limits, sorted by bytes.
    pub roles: Option<Vec<Arc<str>>>,
    /// The role that chose the limit; none for the default.
    pub role: Option<String>,
    /// What it may do, sorted by bytes.
    pub scopes: Option<Vec<String>>,
    /// Anything of yours.
    pub metadata: Option<Map<String, Value>>,
}

impl VerifyApiKey {
    /// A verification at this endpoint with all else by default.
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
    /// The verdict; nothing if that would need I/O and `io` forbids it.
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
        let (engine, target) = (context.engine(), context.endpoints().get(&self.endpoint)?);
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
        let taken = engine.admit(known, target, &self.variables, self.cost, view, io)?;
        Ok(taken.map(|taken| verdict.with(&taken)))
    }
}

/// The tenant of a member who has no other; none for who is no member.
///
/// # Errors
/// `bad_request` for a member of several, of which any may have been made, and shared with them, by someone else.
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

    /// The same, with what its limit said.
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
    GatekeeperError::internal("no verdict, although waiting was allowed")
}
