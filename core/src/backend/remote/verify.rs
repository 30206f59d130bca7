//! Verification by a server: the limits of the endpoint travel with each call.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Remote;
use super::request::Outgoing;
use crate::authz::Access;
use crate::backend::{Backend as _, Started, StartedVerification};
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::key::{CachedKey, Extra, LastUse};
use crate::limit::Endpoints;
use crate::operation::{KeyVerdict, Operation as _, ValidateApiKey, VerifyUserKey};
use crate::role::RoleSet;
use crate::secret::Secret;
use crate::verify::{
    Decision, EndpointRef, Verdict, VerdictCode, VerifyOptions, check_arguments, never_defined,
};

/// Verifies keys on a server.
#[derive(Clone)]
pub(crate) struct RemoteVerifier {
    remote: Remote,
    endpoints: Arc<[Defined]>,
}

/// An endpoint: its name and its definition.
struct Defined(String, Box<RawValue>);

/// The body of a verification: a [`VerifyUserKey`] without copies.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    key: &'a str,
    endpoint: &'a str,
    variables: Vec<&'a str>,
    definition: &'a RawValue,
    cost: u32,
    scopes: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    client_address: Option<&'a str>,
}

/// Validates a key of any tenant.
pub(super) async fn validate(remote: &Remote, key: Secret) -> Result<Verdict> {
    let key = remote.execute(ValidateApiKey { key }).await?;
    let extra = Extra {
        name: None,
        scopes: key.scopes.into(),
        metadata: as_text(key.metadata)?,
        hashed_suffix: None,
    };
    let valid_until = key.expires_at.unwrap_or(i64::MAX);
    let received = received_key(key.id, key.tenant_id, key.owner_id, key.roles, extra);
    let key = Arc::new(CachedKey { valid_until, ..received });
    Ok(Verdict::Admitted(Decision::uncounted(VerdictCode::Valid, key)))
}

impl RemoteVerifier {
    /// A verifier for these endpoints.
    pub(super) fn new(remote: &Remote, endpoints: Endpoints) -> Result<Self> {
        let endpoints = endpoints.into_iter().map(|(name, endpoint)| {
            let definition = to_raw_value(&endpoint.definition()).map_err(GatekeeperError::internal)?;
            Ok(Defined(name, definition))
        });
        Ok(Self { remote: remote.clone(), endpoints: endpoints.collect::<Result<_>>()? })
    }

    /// Verifies a key: the server validates it, selects its limit and acquires permits.
    pub(crate) fn start<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: EndpointRef<'_>,
        variables: &[V],
        options: &VerifyOptions<'_>,
    ) -> StartedVerification {
        let (remote, request) = (self.remote.clone(), self.request(key, endpoint, variables, options));
        Started::awaited(async move {
            match request {
                // The root key is checked first.
                Err(rejection) => remote.reject(rejection).await,
                Ok(request) => remote.answer(Access::RootKey, request).await?.read_as(verdict),
            }
        })
    }

    fn request<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: EndpointRef<'_>,
        variables: &[V],
        options: &VerifyOptions<'_>,
    ) -> Result<Outgoing> {
        let VerifyOptions { cost, scopes, client_address } = *options;
        let defined = match endpoint {
            EndpointRef::Name(name) => self.endpoints.iter().find(|defined| defined.0 == name),
            EndpointRef::Index(index) => self.endpoints.get(index),
        };
        let Some(Defined(endpoint, definition)) = defined else {
            return Err(never_defined(self.endpoints.iter().map(|defined| &defined.0)));
        };
        check_arguments(variables, scopes, cost, client_address)?;
        let variables = variables.iter().map(AsRef::as_ref).collect();
        let body = Body { key, endpoint, variables, definition, cost, scopes, client_address };
        let body = serde_json::to_string(&body).map_err(GatekeeperError::internal)?;
        Ok(Outgoing::with_body(VerifyUserKey::ROUTE, body))
    }
}

/// The verdict of the server; none if its fields contradict one another.
fn verdict(received: KeyVerdict) -> Option<Verdict> {
    let KeyVerdict { key_valid, ok, code, .. } = received;
    if !key_valid || code == VerdictCode::InvalidKey {
        return (!key_valid && !ok && code == VerdictCode::InvalidKey).then_some(Verdict::InvalidKey);
    }
    let roles = received.roles?;
    let role = match &received.role {
        None => None,
        Some(role) => Some(roles.iter().position(|known| **known == **role)?),
    };
    let extra = Extra {
        name: received.name.map(Into::into),
        scopes: received.scopes?.into(),
        metadata: as_text(received.metadata).ok()?,
        hashed_suffix: None,
    };
    let decision = Decision {
        code,
        remaining: received.remaining.unwrap_or_default(),
        total: received.total.unwrap_or_default(),
        reset: received.reset.unwrap_or_default(),
        retry_after_ms: received.retry_after_ms.unwrap_or_default(),
        window_ms: received.window_ms.unwrap_or_default(),
        reset_after_ms: received.reset_after_ms.unwrap_or_default(),
        key: Arc::new(received_key(received.key_id?, received.tenant_id?, received.owner_id, roles, extra)),
        role,
    };
    let (has_limit, is_admitted) = (decision.is_counted(), code == VerdictCode::Valid);
    match code {
        _ if ok != is_admitted => None,
        VerdictCode::Valid if has_limit => Some(Verdict::Admitted(decision)),
        VerdictCode::RateLimited if has_limit => Some(Verdict::RateLimited(decision)),
        VerdictCode::InsufficientScope => Some(Verdict::Forbidden(decision)),
        _ => None,
    }
}

fn as_text(metadata: Option<serde_json::Map<String, serde_json::Value>>) -> Result<Option<Box<str>>> {
    let text = metadata.map(|metadata| serde_json::to_string(&metadata)).transpose();
    Ok(text.map_err(GatekeeperError::internal)?.map(Into::into))
}

/// The record of a key, with the fields that a response of the server contains.
fn received_key(
    id: KeyId,
    tenant: TenantId,
    owner: Option<String>,
    roles: Vec<Arc<str>>,
    extra: Extra,
) -> CachedKey {
    CachedKey {
        serial: CachedKey::next_serial(),
        version: 0,
        id,
        tenant,
        owner: owner.map(Into::into),
        roles: Arc::new(RoleSet::new(roles)),
        extra: extra.if_any(),
        valid_until: i64::MAX,
        used: LastUse::default(),
    }
}
