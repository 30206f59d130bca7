//! Who may call an operation, and for whom it then acts.
//!
//! One order for every operation of the services: the request is checked (400), its source counted (429), the caller
//! judged (401), the tenant bound (404), the permission asked for (401, 403). What an operation itself finds comes last.

mod action;
mod attribution;
mod bounds;
mod ceiling;
mod client_address;
mod context;
mod event;
mod grant;
mod identity;
mod import_rules;
mod password;
mod permission;
mod principal;
mod scope;
mod throttle;

use crate::database::Database;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::identity::{SessionRules, SigningAlgorithm};
use crate::metering::Retention;
use crate::store::BoundRootKey;
use crate::verify::{CompiledEndpoints, Credential, VerdictCounters};

pub(crate) use action::{Action, RESOURCES, is_ours};
pub use attribution::Attribution;
pub(crate) use ceiling::{Ceiling, Reach};
pub(crate) use client_address::counted;
pub use client_address::{client_address, counted_address};
pub use context::Context;
pub(crate) use event::Event;
use grant::Grant;
pub use import_rules::KeyImports;
pub(crate) use import_rules::{ImportRules, SuffixCount};
pub(crate) use password::Account;
pub use permission::MemberRole;
pub(crate) use permission::covers;
pub(crate) use principal::Principal;
#[cfg(feature = "schema")]
pub(crate) use scope::MAX_BYTES as MAX_SCOPE_BYTES;
pub(crate) use scope::check_scopes;
pub use throttle::Throttle;
pub(crate) use throttle::{PerMinute, Throttles};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// A root key, for its tenant; in a place of your own also the operator, for every tenant. The caller is judged
    /// before the arguments are.
    KeyManager,
    /// Anybody, with a credential or without.
    Public,
    /// Anybody whose credential is good; the operation says what they may.
    Known,
    /// A user, about themselves.
    User,
    /// A user, about what is theirs; in a place of your own also the operator, about all.
    UserOrOperator,
    /// Whoever has this permission in the tenant that the request names: a member by their role, an API key by its
    /// scopes, a root key in its tenant, the operator in all.
    Tenant(&'static str),
    /// Whoever runs the place.
    Operator,
}

/// The tenant that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantRef {
    /// None.
    None,
    /// The request names it.
    Given(TenantId),
    /// The request names it, or leaves it out: then it is about all of them, which is for the operator alone.
    Selected(Option<TenantId>),
    /// That of this key.
    OfKey(KeyId),
}

/// How tokens are made and read, and usage is kept; see [`Options`](crate::Options).
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// What else the `aud` of a key's token may be.
    pub(crate) token_audiences: Vec<String>,
    pub(crate) refresh_grace_ms: u64,
    /// How long a session lasts, and how many a user may have.
    pub(crate) sessions: SessionRules,
    pub(crate) algorithm: SigningAlgorithm,
    /// For how long usage events are kept; none for good.
    pub(crate) retention: Option<Retention>,
    /// How often one source may call what anybody can call.
    pub(crate) throttles: Throttles,
    /// Who may import keys, and with how many suffixes.
    pub(crate) imports: ImportRules,
}

/// A call: the credential it carries, and from where it comes.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) database: &'a Database,
    pub(crate) settings: &'a Settings,
    pub(crate) credential: &'a Credential,
    pub(crate) client_address: Option<&'a str>,
    /// The endpoints that the caller defined.
    pub(crate) endpoints: &'a CompiledEndpoints,
    /// Who wants to know how verifications end.
    pub(crate) verdict_counters: Option<&'a VerdictCounters>,
    /// Where it is noted who is calling.
    pub(crate) attribution: Option<&'a Attribution>,
    /// Whether the caller may neither make an account nor a tenant.
    pub(crate) signup_is_closed: bool,
}

impl<'a> Call<'a> {
    /// Lets the caller in to an operation with this access on this tenant, or says why not.
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
            Access::KeyManager => {
                let bound = self.credential.root_key_now(self.database.engine())?;
                bound.map_or(Ok(Principal::Operator), |bound| self.root_key(bound))?
            }
            _ => match identity::identify(self)? {
                Principal::Anonymous => return Err(no_credential()),
                principal => principal,
            },
        };
        self.attribute(&principal);
        let (tenant, role) = match access {
            Access::KeyManager => (principal.bound_to(), None),
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

    /// The same, for whoever can be let in without waiting for the disk: anybody to what is public, the operator and a
    /// root key to what is theirs.
    ///
    /// # Errors
    /// `unauthorized` for nobody, where somebody is asked for.
    pub(crate) fn try_admit(self, access: Access) -> Result<Option<Context<'a>>> {
        let principal = match (access, self.credential) {
            (Access::Public, _) => Principal::Anonymous,
            (Access::Known, Credential::Anonymous) => return Err(no_credential()),
            (Access::KeyManager | Access::Known, Credential::Operator) => Principal::Operator,
            (Access::KeyManager | Access::Known, Credential::RootKey(_)) => {
                match self.credential.try_root_key_now(self.database.engine()) {
                    Some(bound) => self.root_key(bound)?,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        self.attribute(&principal);
        let tenant = principal.bound_to().filter(|_| access == Access::KeyManager);
        Ok(Some(Context::new(self, Grant::new(access, principal, tenant), None)))
    }

    /// Notes who is calling.
    fn attribute(self, principal: &Principal) {
        if let Some(attribution) = self.attribution {
            attribution.note(principal);
        }
    }

    /// The caller's root key, as it was found.
    fn root_key(self, bound: BoundRootKey) -> Result<Principal> {
        let BoundRootKey { id, tenant } = bound;
        match self.credential {
            Credential::RootKey(root) => {
                root.digest().map(|digest| Principal::RootKey { id, tenant, digest })
            }
            _ => None,
        }
        .ok_or_else(|| GatekeeperError::internal("a tenant is bound to a caller without a root key"))
    }
}

fn no_credential() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::CredentialMissing, "this call needs a credential that is valid")
}

fn for_users() -> GatekeeperError {
    forbidden("this call is for users: give a user's access token")
}

pub(crate) fn forbidden(message: impl Into<String>) -> GatekeeperError {
    GatekeeperError::new(ErrorKind::Forbidden, message)
}

/// Absent, or another tenant's: never said which.
pub(crate) fn not_found() -> GatekeeperError {
    GatekeeperError::not_found()
}
