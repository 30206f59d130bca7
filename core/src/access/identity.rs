//! From a credential to who is calling, and to what they may do in a tenant.

use super::actor::Actor;
use super::permission::{MemberRole, covers};
use super::{Call, TenantRef, Tier, forbidden, not_found};
use crate::error::{GatekeeperError, Result};
use crate::id::TenantId;
use crate::place::Place;
use crate::secret::Secret;
use crate::store::{Failure, Rows};
use crate::verify::{Caller, invalid_credential};

/// Who is calling.
///
/// # Errors
/// `unauthorized`, the same for every credential that is not good.
pub(super) fn identify(call: Call<'_>) -> Result<Actor> {
    let Call { place, settings, caller, source, .. } = call;
    match caller {
        Caller::Operator => Ok(Actor::Operator),
        Caller::Anonymous => Ok(Actor::Anonymous),
        Caller::RootKey(_) => match caller.root_key_now(place.engine()) {
            Ok(Some(bound)) => call.root_key(bound),
            Ok(None) => Err(invalid_credential()),
            Err(error) if error.status() == 401 => Err(invalid_credential()),
            Err(error) => Err(error),
        },
        Caller::ApiKey(digest) => {
            let found = place.engine().validate_digest(digest);
            let key = Tier::Key.charge_refused(place, settings, source, found)?;
            Ok(Actor::of_key(&key, *digest))
        }
        Caller::Token(token) => {
            if let Some(user) = user_of(call, token)? {
                return Ok(user);
            }
            // A key of another product can look like anything.
            let found = place.engine().validate_waiting(token.expose());
            let key = Tier::Key.charge_refused(place, settings, source, found)?;
            Ok(Actor::of_key(&key, key.0.digest_of(token.expose())))
        }
        Caller::Malformed | Caller::Empty => Err(invalid_credential()),
        Caller::Different => Err(GatekeeperError::different_credentials()),
    }
}

/// How much later than now a token may say that it was signed, in seconds.
const MAX_EARLY_SECONDS: u64 = 60;

/// The user of an access token whose session is not over.
fn user_of(call: Call<'_>, token: &Secret) -> Result<Option<Actor>> {
    let Call { place, settings, .. } = call;
    let Some(claims) = place.signers().verify_access(place.keyring(settings.algorithm)?, token)? else {
        return Ok(None);
    };
    let now = place.clock().wall_ms() / 1000;
    if claims.iss != settings.issuer || claims.aud != settings.audience || claims.exp <= now {
        return Ok(None);
    }
    // Signed while the clock was ahead: it would be valid until that time comes.
    if claims.iat > now + MAX_EARLY_SECONDS {
        return Ok(None);
    }
    let session = place.store().read_rows(|rows| rows.session(claims.sid))?;
    let live = session.is_some_and(|session| session.user_id == claims.sub && session.is_live(place.now()));
    Ok(live.then_some(Actor::User { id: claims.sub, session: claims.sid }))
}

/// The tenant that the request is about, where it is there and the actor's; and a member's role in it. None for the operator
/// who selects none.
pub(super) fn bind(
    place: &Place,
    actor: &Actor,
    tenant: TenantRef,
) -> Result<(Option<TenantId>, Option<MemberRole>)> {
    let tenant = match (tenant, actor) {
        (TenantRef::Selected(None), Actor::Operator) => return Ok((None, None)),
        (TenantRef::Selected(None), _) => return Err(no_tenant_selected()),
        (TenantRef::Selected(Some(tenant)), _) => TenantRef::Given(tenant),
        (tenant, _) => tenant,
    };
    // A key that is valid has a tenant that exists: nothing to ask the store.
    if let (TenantRef::Given(tenant), Some(own)) = (tenant, actor.bound_to()) {
        return if tenant == own { Ok((Some(tenant), None)) } else { Err(not_found()) };
    }
    place.store().read_rows(|rows| {
        let tenant = match tenant {
            TenantRef::Given(tenant) => Some(tenant),
            TenantRef::OfKey(key) => rows.key(key)?.map(|key| key.tenant_id),
            TenantRef::None | TenantRef::Selected(_) => None,
        };
        let Some(tenant) = tenant else { return Err(not_found().into()) };
        Ok((Some(tenant), role_in(rows, actor, tenant)?))
    })
}

fn no_tenant_selected() -> GatekeeperError {
    GatekeeperError::bad_request("tenantId is missing: only the operator may leave it out, for all tenants")
}

/// The actor's role in a tenant that is there and theirs; none for who is no member.
///
/// # Errors
/// `not_found`.
pub(super) fn role_in(
    rows: &Rows<'_>,
    actor: &Actor,
    tenant: TenantId,
) -> Result<Option<MemberRole>, Failure> {
    match actor {
        Actor::Operator if rows.tenant(tenant)?.is_some() => Ok(None),
        actor if actor.bound_to() == Some(tenant) => Ok(None),
        Actor::User { id, .. } => {
            let role = rows.role_name(tenant, *id)?.and_then(|role| MemberRole::parse(&role));
            Ok(Some(role.ok_or_else(not_found)?))
        }
        _ => Err(not_found().into()),
    }
}

/// Lets the actor, with this role in the tenant, do what needs `permission` there.
///
/// # Errors
/// `forbidden`.
pub(super) fn permit(actor: &Actor, role: Option<MemberRole>, permission: &str) -> Result<()> {
    if is_permitted(actor, role, permission) {
        return Ok(());
    }
    Err(forbidden(format!("this call needs the permission {permission}")))
}

/// Whether the actor, with this role in the tenant, has `permission` there.
pub(super) fn is_permitted(actor: &Actor, role: Option<MemberRole>, permission: &str) -> bool {
    match actor {
        Actor::Operator | Actor::RootKey { .. } => true,
        Actor::User { .. } => role.is_some_and(|role| role.grants(permission)),
        Actor::ApiKey { scopes, .. } => scopes.iter().any(|scope| covers(scope, permission)),
        Actor::Anonymous => false,
    }
}

#[cfg(test)]
mod tests;
