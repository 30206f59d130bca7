//! From a credential to its principal, and to the principal's role in a tenant.

use super::permission::MemberRole;
use super::principal::Principal;
use super::{Call, TenantRef, Throttle, forbidden, not_found};
use crate::database::Database;
use crate::error::{GatekeeperError, Result};
use crate::id::TenantId;
use crate::key::covers;
use crate::secret::Secret;
use crate::store::{Failure, Rows};
use crate::verify::{Credential, Presented, invalid_credential};

/// Authenticates a call.
///
/// # Errors
/// `unauthorized`, the same for every invalid credential.
pub(super) fn identify(call: Call<'_>) -> Result<Principal> {
    let Call { database, settings, credential, client_address, .. } = call;
    match credential {
        Credential::Operator => Ok(Principal::Operator),
        Credential::Anonymous => Ok(Principal::Anonymous),
        Credential::RootKey(_) => match credential.authority(database.engine()) {
            Ok(authority) => call.acting_for(authority),
            Err(error) if error.status() == 401 => Err(invalid_credential()),
            Err(error) => Err(error),
        },
        Credential::ApiKey(digest) => {
            let found = database.engine().validated(Presented::Digest(digest));
            let key = Throttle::Key.consume_rejected(database, settings, client_address, found)?;
            Ok(Principal::of_key(&key, *digest))
        }
        Credential::Token(token) => {
            if let Some(user) = user_of(call, token)? {
                return Ok(user);
            }
            // A key of another product can have any form, so every other text is looked up.
            let found = database.engine().validated(Presented::Key(token.expose()));
            let key = Throttle::Key.consume_rejected(database, settings, client_address, found)?;
            Ok(Principal::of_key(&key, key.0.digest_of(token.expose())))
        }
        Credential::Malformed | Credential::Empty => Err(invalid_credential()),
        Credential::Different => Err(GatekeeperError::different_credentials()),
    }
}

/// How far in the future the `iat` of a token may be, in seconds.
const MAX_EARLY_SECONDS: u64 = 60;

/// The user of an access token, if its session is active.
fn user_of(call: Call<'_>, token: &Secret) -> Result<Option<Principal>> {
    let Call { database, settings, .. } = call;
    let Some(claims) = database.signers().verify_access(database.keyring(settings.algorithm)?, token)? else {
        return Ok(None);
    };
    let now = database.clock().wall_ms() / 1000;
    if claims.iss != settings.issuer || claims.aud != settings.audience || claims.exp <= now {
        return Ok(None);
    }
    // Signed while the clock was ahead: the token would be valid for too long.
    if claims.iat > now + MAX_EARLY_SECONDS {
        return Ok(None);
    }
    let session = database.store().read_rows(|rows| rows.session(claims.sid))?;
    let live =
        session.is_some_and(|session| session.user_id == claims.sub && session.is_active(database.now()));
    Ok(live.then_some(Principal::User { id: claims.sub, session: claims.sid }))
}

/// The tenant of the request, if it exists and the principal may see it, and a member's role in it. None if the
/// operator does not select one.
pub(super) fn bind(
    database: &Database,
    principal: &Principal,
    tenant: TenantRef,
) -> Result<(Option<TenantId>, Option<MemberRole>)> {
    let tenant = match (tenant, principal) {
        (TenantRef::Selected(None), Principal::Operator) => return Ok((None, None)),
        (TenantRef::Selected(None), _) => return Err(no_tenant_selected()),
        (TenantRef::Selected(Some(tenant)), _) => TenantRef::Given(tenant),
        (tenant, _) => tenant,
    };
    // A valid key implies that its tenant exists: no look-up needed.
    if let (TenantRef::Given(tenant), Some(own)) = (tenant, principal.bound_to()) {
        return if tenant == own { Ok((Some(tenant), None)) } else { Err(not_found()) };
    }
    database.store().read_rows(|rows| {
        let tenant = match tenant {
            TenantRef::Given(tenant) => Some(tenant),
            TenantRef::OfKey(key) => rows.key(key)?.map(|key| key.tenant_id),
            TenantRef::None | TenantRef::Selected(_) => None,
        };
        let Some(tenant) = tenant else { return Err(not_found().into()) };
        Ok((Some(tenant), role_in(rows, principal, tenant)?))
    })
}

fn no_tenant_selected() -> GatekeeperError {
    GatekeeperError::bad_request("tenantId is missing: only the operator may omit it, for all tenants")
}

/// The principal's role in a tenant that must exist; none for a principal without a role, such as a key.
///
/// # Errors
/// `not_found` if the tenant does not exist or the principal has no access to it.
pub(super) fn role_in(
    rows: &Rows<'_>,
    principal: &Principal,
    tenant: TenantId,
) -> Result<Option<MemberRole>, Failure> {
    match principal {
        Principal::Operator if rows.tenant(tenant)?.is_some() => Ok(None),
        principal if principal.bound_to() == Some(tenant) => Ok(None),
        Principal::User { id, .. } => {
            let role = rows.role_name(tenant, *id)?.and_then(|role| MemberRole::parse(&role));
            Ok(Some(role.ok_or_else(not_found)?))
        }
        _ => Err(not_found().into()),
    }
}

/// Checks that the principal, with this role in the tenant, has `permission` there.
///
/// # Errors
/// `forbidden`.
pub(super) fn permit(principal: &Principal, role: Option<MemberRole>, permission: &str) -> Result<()> {
    if is_permitted(principal, role, permission) {
        return Ok(());
    }
    Err(forbidden(format!("this call needs the permission {permission}")))
}

/// Whether the principal, with this role in the tenant, has `permission` there.
pub(super) fn is_permitted(principal: &Principal, role: Option<MemberRole>, permission: &str) -> bool {
    match principal {
        Principal::Operator | Principal::RootKey { .. } => true,
        Principal::User { .. } => role.is_some_and(|role| role.grants(permission)),
        Principal::ApiKey { scopes, .. } => scopes.iter().any(|scope| covers(scope, permission)),
        Principal::Anonymous => false,
    }
}

#[cfg(test)]
mod tests;
