//! Authorization: who may call an operation, and for which tenant.
//!
//! Every operation of the services checks in the same order: the request (400), the throttle of the client address
//! (429), the credential (401), the tenant (404), the permission (401, 403). Checks that an operation itself makes
//! come last.

mod action;
mod attribution;
mod bounds;
mod ceiling;
mod context;
mod event;
mod grant;
mod identity;
mod import_rules;
mod password;
mod permission;
mod principal;
mod throttle;

use std::time::Duration;

use crate::database::Database;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::identity::{SessionRules, SigningAlgorithm};
use crate::metering::Retention;
use crate::store::BoundRootKey;
use crate::verify::{Authority, CompiledEndpoints, Credential, VerdictCounters};

pub(crate) use action::{Action, RESOURCES, is_ours};
pub use attribution::Attribution;
pub(crate) use ceiling::{Ceiling, Reach};
pub use context::Context;
pub(crate) use event::Event;
use grant::Grant;
pub use import_rules::KeyImports;
pub(crate) use import_rules::{ImportRules, SuffixCount};
pub(crate) use password::Account;
pub use permission::MemberRole;
pub(crate) use principal::Principal;
pub use throttle::Throttle;
pub(crate) use throttle::{PerMinute, Throttles};

/// The access that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// A root key, for its tenant; with an embedded database also the operator, for every tenant. The credential is
    /// checked before the request.
    KeyManager,
    /// A root key, for its tenant; with an embedded database also the operator.
    RootKey,
    /// Any caller, with or without a credential.
    Public,
    /// Any caller with a valid credential. The operation decides what they may do.
    Known,
    /// A user, for their own account.
    User,
    /// A user, for what they own; with an embedded database also the operator, for everything.
    UserOrOperator,
    /// A caller with this permission in the tenant of the request: a member by their role, an API key by its
    /// scopes, a root key in its tenant, the operator in every tenant.
    Tenant(&'static str),
    /// The operator only.
    Operator,
}

/// The tenant of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantRef {
    /// No tenant.
    None,
    /// The tenant that the request names.
    Given(TenantId),
    /// The tenant that the request names. A request that names none is for all tenants, and only the operator may
    /// send it.
    Selected(Option<TenantId>),
    /// The tenant of this key.
    OfKey(KeyId),
}

/// The settings of accounts, tokens, throttles, imports and usage; see [`Options`](crate::Options).
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// Further values that the `aud` of a key's token may have.
    pub(crate) token_audiences: Vec<String>,
    /// How long repeating the exchange of a refresh token returns the same new token.
    pub(crate) refresh_grace: Duration,
    /// The lifetime of a session, and the maximum number of a user's sessions.
    pub(crate) sessions: SessionRules,
    pub(crate) algorithm: SigningAlgorithm,
    /// How long usage events are kept; none for forever.
    pub(crate) retention: Option<Retention>,
    /// The throttles of public calls by client address.
    pub(crate) throttles: Throttles,
    /// Who may import keys, and how many suffixes these may have.
    pub(crate) imports: ImportRules,
}

/// A call: its credential, its client address and where it runs.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) database: &'a Database,
    pub(crate) settings: &'a Settings,
    pub(crate) credential: &'a Credential,
    pub(crate) client_address: Option<&'a str>,
    /// The endpoints that the caller defined.
    pub(crate) endpoints: &'a CompiledEndpoints,
    /// Counts the results of verifications, if the caller wants that.
    pub(crate) verdict_counters: Option<&'a VerdictCounters>,
    /// Records who made the call, if the caller wants that.
    pub(crate) attribution: Option<&'a Attribution>,
    /// Whether sign-up, and with it the creation of tenants by users, is closed to the caller.
    pub(crate) signup_is_closed: bool,
}

impl<'a> Call<'a> {
    /// Authorizes the call for an operation with this access on this tenant, or returns the reason why not.
    pub(crate) fn admit(
        self,
        access: Access,
        throttle: Option<Throttle>,
        tenant: TenantRef,
    ) -> Result<Context<'a>> {
        throttle
            .map_or(Ok(()), |throttle| throttle.consume(self.database, self.settings, self.client_address))?;
        let principal = match access {
            Access::Public => Principal::Anonymous,
            Access::KeyManager => self.acting_for(self.credential.authority(self.database.engine())?)?,
            _ => match identity::identify(self)? {
                Principal::Anonymous => return Err(no_credential()),
                principal => principal,
            },
        };
        self.attribute(&principal);
        let (tenant, role) = match access {
            Access::KeyManager | Access::RootKey => (principal.bound_to(), None),
            Access::Tenant(_) => {
                let (tenant, role) = identity::bind(self.database, &principal, tenant)?;
                if let (Some(attribution), Some(tenant)) = (self.attribution, tenant) {
                    attribution.note_tenant(tenant);
                }
                (tenant, role)
            }
            _ => (None, None),
        };
        grant::may_call(access, &principal, role)?;
        Ok(Context::new(self, Grant::new(access, principal, tenant), role))
    }

    /// Authorizes the call where memory has all that this needs: for public operations, for the operator, and for a root key
    /// that is cached. Returns none where [`admit`](Self::admit) is needed.
    ///
    /// # Errors
    /// `unauthorized` for an anonymous caller of an operation that needs a credential.
    pub(crate) fn admit_from_memory(self, access: Access) -> Result<Option<Context<'a>>> {
        let principal = match (access, self.credential) {
            (Access::Public, _) => Principal::Anonymous,
            (Access::Known | Access::RootKey, Credential::Anonymous) => return Err(no_credential()),
            (
                Access::KeyManager | Access::Known | Access::RootKey,
                Credential::Operator | Credential::RootKey(_),
            ) => {
                let engine = self.database.engine();
                let Some(view) = engine.view()? else { return Ok(None) };
                // An invalid root key is reported by `admit`.
                let Ok(Some(authority)) = self.credential.cached_authority(&view) else { return Ok(None) };
                self.acting_for(authority)?
            }
            _ => return Ok(None),
        };
        self.attribute(&principal);
        let binds = matches!(access, Access::KeyManager | Access::RootKey);
        let tenant = principal.bound_to().filter(|_| binds);
        Ok(Some(Context::new(self, Grant::new(access, principal, tenant), None)))
    }

    /// Records who made the call.
    fn attribute(self, principal: &Principal) {
        if let Some(attribution) = self.attribution {
            attribution.note(principal);
        }
    }

    /// The principal of a call with this authority.
    fn acting_for(self, authority: Authority) -> Result<Principal> {
        match authority {
            Authority::Operator => Ok(Principal::Operator),
            Authority::RootKey(bound) => self.root_key(bound),
        }
    }

    /// The root key of the call as a principal.
    fn root_key(self, bound: BoundRootKey) -> Result<Principal> {
        let BoundRootKey { id, tenant } = bound;
        match self.credential {
            Credential::RootKey(root) => {
                root.digest().map(|digest| Principal::RootKey { id, tenant, digest })
            }
            _ => None,
        }
        .ok_or_else(|| GatekeeperError::internal("a root key was found for a call without one"))
    }
}

fn no_credential() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialMissing, "this call needs a valid credential")
}

fn for_users() -> GatekeeperError {
    forbidden("this call is for users: send a user's access token")
}

pub(crate) fn forbidden(message: impl Into<String>) -> GatekeeperError {
    GatekeeperError::new(ErrorKind::Forbidden, message)
}

/// The error for something that does not exist or belongs to another tenant. It does not say which.
pub(crate) fn not_found() -> GatekeeperError {
    GatekeeperError::not_found()
}
