//! Verification by a server: the limits of the endpoint travel with each call.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Remote;
use super::request::Outgoing;
use crate::authz::Access;
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::key::{CachedKey, Extra, LastUse};
use crate::limit::Endpoints;
use crate::operation::{Operation as _, Route, ValidateApiKey, VerifyKey, VerifyOutput};
use crate::role::RoleSet;
use crate::secret::Secret;
use crate::verify::{Decision, ValidatedKey, Verdict, check_variables, never_defined};

pub(super) const ROUTE: Route = VerifyKey::ROUTE;

/// Verifies keys of a server.
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

impl Remote {
    /// A verifier for these endpoints.
    ///
    /// # Errors
    /// `bad_request` for a role that is called `DEFAULT`, which over HTTP is the name of the default.
    pub(crate) fn verifier(&self, endpoints: Endpoints) -> Result<RemoteVerifier> {
        let endpoints = endpoints.into_iter().map(|(name, endpoint)| {
            let ratelimits = endpoint.ratelimits(&format!("endpoints.{name}"))?;
            Ok((name, to_raw_value(&ratelimits).map_err(GatekeeperError::internal)?))
        });
        Ok(RemoteVerifier { remote: self.clone(), endpoints: endpoints.collect::<Result<_>>()? })
    }

    /// The key, if it is good.
    pub(crate) async fn validate(&self, key: &str) -> Result<ValidatedKey> {
        let key = self.call(&ValidateApiKey { key: Secret::new(key) }).await?;
        let metadata = key.metadata.as_ref().map(serde_json::to_string).transpose();
        let extra = Extra {
            scopes: key.scopes.into(),
            metadata: metadata.map_err(GatekeeperError::internal)?.map(Into::into),
            hashed_suffix: None,
        };
        let valid_until = key.expires_at.unwrap_or(i64::MAX);
        let told = told_key(key.id, key.tenant_id, key.owner_id, key.roles);
        Ok(ValidatedKey(Arc::new(CachedKey { extra: Some(Arc::new(extra)), valid_until, ..told })))
    }
}

impl RemoteVerifier {
    /// Has the server judge the key, choose its limit and take a permit.
    pub(crate) async fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Verdict> {
        let request = match self.request(key, endpoint, variables) {
            // A wrong root key is said before a word on the request.
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

/// The verdict that the server answered; none where it is not one.
fn verdict(output: VerifyOutput) -> Option<Verdict> {
    let VerifyOutput { key_valid, ok, decision } = output;
    if !key_valid {
        return (!ok).then_some(Verdict::InvalidKey);
    }
    let told = decision?;
    let role = match &told.role {
        None => None,
        Some(role) => Some(told.roles.iter().position(|known| **known == **role)?),
    };
    let decision = Decision {
        remaining: told.remaining,
        total: told.total,
        reset: told.reset,
        retry_after_ms: told.retry_after_ms,
        key: Arc::new(told_key(told.key_id, told.tenant_id, told.owner_id, told.roles)),
        role,
    };
    Some(if ok { Verdict::Admitted(decision) } else { Verdict::RateLimited(decision) })
}

/// A key that a server knows, as far as it tells of it.
fn told_key(id: KeyId, tenant: TenantId, owner: Option<String>, roles: Vec<Arc<str>>) -> CachedKey {
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
