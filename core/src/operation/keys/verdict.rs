use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authz::Context;
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::operation::field::from_text;
use crate::verify::{Decision, Verdict, VerdictCode};

/// The verdict on a key. Fields that are unknown, such as those of an invalid key, are null.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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
    /// The key's name.
    pub name: Option<String>,
    /// The key's roles, which select its rate limit; sorted by bytes.
    pub roles: Option<Vec<Arc<str>>>,
    /// The role that selected the limit; null for the default.
    pub role: Option<String>,
    /// The key's scopes, sorted by bytes.
    pub scopes: Option<Vec<String>>,
    /// The key's metadata.
    pub metadata: Option<Map<String, Value>>,
}

impl KeyVerdict {
    /// This verdict, counted if the caller counts verdicts.
    pub(crate) fn noted(context: &Context<'_>, verdict: Verdict) -> Result<Self> {
        context.note(verdict.code());
        verdict.try_into()
    }

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
            name: None,
            roles: None,
            role: None,
            scopes: None,
            metadata: None,
        }
    }

    fn of(decision: &Decision) -> Result<Self> {
        let number = |number: u64| decision.is_counted().then_some(number);
        let count = |count: u32| decision.is_counted().then_some(count);
        Ok(Self {
            key_valid: true,
            ok: decision.code() == VerdictCode::Valid,
            code: decision.code(),
            remaining: count(decision.remaining()),
            total: count(decision.total()),
            reset: number(decision.reset()),
            retry_after_ms: number(decision.retry_after_ms()),
            window_ms: number(decision.window_ms()),
            reset_after_ms: number(decision.reset_after_ms()),
            key_id: Some(decision.key_id()),
            tenant_id: Some(decision.tenant_id()),
            owner_id: decision.owner_id().map(str::to_owned),
            name: decision.name().map(str::to_owned),
            roles: Some(decision.roles().to_vec()),
            role: decision.role().map(str::to_owned),
            scopes: Some(decision.scopes().to_vec()),
            metadata: from_text(decision.metadata())?,
        })
    }
}

impl TryFrom<Verdict> for KeyVerdict {
    type Error = GatekeeperError;

    fn try_from(verdict: Verdict) -> Result<Self> {
        verdict.decision().map_or_else(|| Ok(Self::invalid()), Self::of)
    }
}
