//! Verification by a server: the limits of the endpoint travel with each call.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Remote;
use super::request::Outgoing;
use crate::authz::Access;
use crate::backend::Backend as _;
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::key::{CachedKey, Extra, LastUse};
use crate::limit::Endpoints;
use crate::operation::{Operation as _, Route, ValidateApiKey, VerifyKey, VerifyOutput};
use crate::role::RoleSet;
use crate::secret::Secret;
use crate::verify::{Decision, ValidatedKey, Verdict, check_variables, never_defined};

pub(super) const ROUTE: Route = VerifyKey::ROUTE;

/// Verifies keys on a server.
#[derive(Clone)]
pub(crate) struct RemoteVerifier {
    remote: Remote,
    /// The `ratelimits` of each endpoint.
    endpoints: HashMap<String, Box<RawValue>>,
}

/// The body of a verification.
#[derive(Serialize)]
struct Body<'a> {
    apikey: &'a str,
    endpoint: &'a str,
    variables: Vec<&'a str>,
    ratelimits: &'a RawValue,
}

/// Validates a key of any tenant.
pub(super) async fn validate(remote: &Remote, key: &str) -> Result<ValidatedKey> {
    let key = remote.execute(ValidateApiKey { key: Secret::new(key) }).await?;
    let metadata = key.metadata.as_ref().map(serde_json::to_string).transpose();
    let extra = Extra {
        scopes: key.scopes.into(),
        metadata: metadata.map_err(GatekeeperError::internal)?.map(Into::into),
        hashed_suffix: None,
    };
    let valid_until = key.expires_at.unwrap_or(i64::MAX);
    let received = received_key(key.id, key.tenant_id, key.owner_id, key.roles);
    Ok(ValidatedKey(Arc::new(CachedKey { extra: Some(Arc::new(extra)), valid_until, ..received })))
}

impl RemoteVerifier {
    /// A verifier for these endpoints.
    ///
    /// # Errors
    /// `bad_request` for a role named `DEFAULT`, which over HTTP is the name of the default limit.
    pub(super) fn new(remote: &Remote, endpoints: Endpoints) -> Result<Self> {
        let endpoints = endpoints.into_iter().map(|(name, endpoint)| {
            let ratelimits = endpoint.ratelimits(&format!("endpoints.{name}"))?;
            Ok((name, to_raw_value(&ratelimits).map_err(GatekeeperError::internal)?))
        });
        Ok(Self { remote: remote.clone(), endpoints: endpoints.collect::<Result<_>>()? })
    }

    /// Verifies a key: the server validates it, selects its limit and acquires a permit.
    pub(crate) async fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Verdict> {
        let request = match self.request(key, endpoint, variables) {
            // The root key is checked first.
            Err(rejection) => return self.remote.reject(rejection).await,
            Ok(request) => request,
        };
        let answer = self.remote.answer(Access::KeyManager, request).await?;
        answer.read_as(verdict)
    }

    fn request<V: AsRef<str>>(&self, key: &str, endpoint: &str, variables: &[V]) -> Result<Outgoing> {
        let ratelimits = self.endpoints.get(endpoint).ok_or_else(|| never_defined(self.endpoints.keys()))?;
        check_variables(variables)?;
        let variables = variables.iter().map(AsRef::as_ref).collect();
        let body = Body { apikey: key, endpoint, variables, ratelimits };
        let body = serde_json::to_string(&body).map_err(GatekeeperError::internal)?;
        Ok(Outgoing::with_body(ROUTE, body))
    }
}

/// The verdict of the server; none if its fields contradict one another.
fn verdict(output: VerifyOutput) -> Option<Verdict> {
    let VerifyOutput { key_valid, ok, decision } = output;
    if !key_valid {
        return (!ok).then_some(Verdict::InvalidKey);
    }
    let received = decision?;
    let role = match &received.role {
        None => None,
        Some(role) => Some(received.roles.iter().position(|known| **known == **role)?),
    };
    let decision = Decision {
        remaining: received.remaining,
        total: received.total,
        reset: received.reset,
        retry_after_ms: received.retry_after_ms,
        window_ms: received.window_ms,
        reset_after_ms: received.reset_after_ms,
        key: Arc::new(received_key(received.key_id, received.tenant_id, received.owner_id, received.roles)),
        role,
    };
    Some(if ok { Verdict::Admitted(decision) } else { Verdict::RateLimited(decision) })
}

/// The record of a key, with the fields that a verdict of the server contains.
fn received_key(id: KeyId, tenant: TenantId, owner: Option<String>, roles: Vec<Arc<str>>) -> CachedKey {
    CachedKey {
        serial: CachedKey::next_serial(),
        version: 0,
        id,
        tenant,
        owner: owner.map(Into::into),
        roles: Arc::new(RoleSet::new(roles)),
        extra: None,
        valid_until: i64::MAX,
        used: LastUse::default(),
    }
}
