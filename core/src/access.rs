//! Who may call an operation, and for whom it then acts.
//!
//! One order for every operation of the services: the request is checked (400), its source counted (429), the caller
//! judged (401), the tenant bound (404), the permission asked for (401, 403). What an operation itself finds comes last.

mod actor;
mod event;
mod identity;
mod permission;
mod scope;
mod tier;

use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{KeyId, TenantId, UserId};
use crate::identity::{Keyring, SigningAlgorithm};
use crate::metering::Retention;
use crate::place::Place;
use crate::store::DEFAULT_TENANT;
use crate::verify::{Caller, Decisions, Engine, Targets, VerdictCode};

pub(crate) use actor::Actor;
pub(crate) use event::Event;
pub use permission::MemberRole;
pub(crate) use permission::covers;
#[cfg(feature = "schema")]
pub(crate) use scope::MOST_BYTES as MOST_SCOPE_BYTES;
pub(crate) use scope::{check_scopes, may_grant};
pub use tier::Tier;
pub(crate) use tier::Tiers;

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
    /// That of this key.
    OfKey(KeyId),
}

/// What an operation runs in: a place, and a caller who was let in.
pub struct Context<'a> {
    place: &'a Place,
    settings: &'a Settings,
    caller: &'a Caller,
    actor: Actor,
    tenant: Option<TenantId>,
    role: Option<MemberRole>,
    source: Option<&'a str>,
    targets: &'a Targets,
    decisions: Option<&'a Decisions>,
}

/// How tokens are made and read, and usage is kept; see [`Options`](crate::Options).
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) refresh_grace_ms: u64,
    pub(crate) algorithm: SigningAlgorithm,
    /// For how long usage events are kept; none for good.
    pub(crate) retention: Option<Retention>,
    /// How often one source may call what anybody can call.
    pub(crate) tiers: Tiers,
}

/// A call: the credential it carries, and from where it comes.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) place: &'a Place,
    pub(crate) settings: &'a Settings,
    pub(crate) caller: &'a Caller,
    pub(crate) source: Option<&'a str>,
    /// The endpoints that the caller defined.
    pub(crate) targets: &'a Targets,
    /// Who wants to know how verifications end.
    pub(crate) decisions: Option<&'a Decisions>,
}

impl<'a> Call<'a> {
    /// Lets the caller in to an operation with this access on this tenant, or says why not.
    pub(crate) fn admit(self, access: Access, tier: Option<Tier>, tenant: TenantRef) -> Result<Context<'a>> {
        tier.map_or(Ok(()), |tier| tier.charge(self.place, self.settings, self.source))?;
        let Self { place, settings, caller, source, targets, decisions } = self;
        let context = |actor, tenant, role| Context {
            place,
            settings,
            caller,
            actor,
            tenant,
            role,
            source,
            targets,
            decisions,
        };
        Ok(match access {
            Access::KeyManager => {
                let tenant = caller.tenant_now(place.engine())?;
                let actor = tenant.map_or(Actor::Operator, |tenant| Actor::RootKey { tenant });
                context(actor, tenant, None)
            }
            Access::Public => context(Actor::Anonymous, None, None),
            Access::Known => match identity::identify(self)? {
                Actor::Anonymous => return Err(no_credential()),
                actor => context(actor, None, None),
            },
            Access::User => match identity::identify(self)? {
                actor @ Actor::User { .. } => context(actor, None, None),
                Actor::Anonymous => return Err(no_credential()),
                _ => return Err(for_users()),
            },
            Access::UserOrOperator => match identity::identify(self)? {
                actor @ (Actor::User { .. } | Actor::Operator) => context(actor, None, None),
                Actor::Anonymous => return Err(no_credential()),
                _ => return Err(for_users()),
            },
            Access::Operator => match identity::identify(self)? {
                Actor::Operator => context(Actor::Operator, None, None),
                Actor::Anonymous => return Err(no_credential()),
                _ => return Err(forbidden("this call is for whoever runs the place")),
            },
            Access::Tenant(permission) => {
                let actor = match identity::identify(self)? {
                    Actor::Anonymous => return Err(no_credential()),
                    actor => actor,
                };
                let (tenant, role) = identity::bind(place, &actor, tenant)?;
                if !identity::is_permitted(&actor, role, permission) {
                    return Err(forbidden(format!("this call needs the permission {permission}")));
                }
                context(actor, Some(tenant), role)
            }
        })
    }

    /// The same, for whoever can be let in without waiting for the disk: anybody to what is public, the operator and a
    /// root key to what is theirs.
    ///
    /// # Errors
    /// `unauthorized` for nobody, where somebody is asked for.
    pub(crate) fn try_admit(self, access: Access) -> Result<Option<Context<'a>>> {
        let actor = match (access, self.caller) {
            (Access::Public, _) => Actor::Anonymous,
            (Access::Known, Caller::Anonymous) => return Err(no_credential()),
            (Access::KeyManager | Access::Known, Caller::Operator) => Actor::Operator,
            (Access::KeyManager | Access::Known, Caller::RootKey(_)) => {
                match self.caller.try_tenant_now(self.place.engine()) {
                    Some(tenant) => Actor::RootKey { tenant },
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let tenant = match actor {
            Actor::RootKey { tenant } if access == Access::KeyManager => Some(tenant),
            _ => None,
        };
        let Self { place, settings, caller, source, targets, decisions } = self;
        Ok(Some(Context { place, settings, caller, actor, tenant, role: None, source, targets, decisions }))
    }
}

impl Context<'_> {
    pub(crate) fn place(&self) -> &Place {
        self.place
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.settings
    }

    /// What signing needs.
    pub(crate) fn keyring(&self) -> Result<Keyring<'_>> {
        self.place.keyring(self.settings.algorithm)
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.place.engine()
    }

    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The caller's role in the tenant, for a member.
    pub(crate) fn role(&self) -> Option<MemberRole> {
        self.role
    }

    /// Whether the caller has `permission` in the call's tenant.
    pub(crate) fn may(&self, permission: &str) -> bool {
        identity::is_permitted(&self.actor, self.role, permission)
    }

    /// Whether the caller has `permission` in a tenant that the request does not name.
    pub(crate) fn may_in(&self, tenant: TenantId, permission: &str) -> Result<bool> {
        match identity::bind(self.place, &self.actor, TenantRef::Given(tenant)) {
            Ok((_, role)) => Ok(identity::is_permitted(&self.actor, role, permission)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The endpoints that the caller defined.
    pub(crate) fn targets(&self) -> &Targets {
        self.targets
    }

    /// What was found of a key that the request shows. One that is not good is counted against the source, unless that
    /// has shown a root key of its own that is: a backend passes on whatever its clients send.
    ///
    /// # Errors
    /// Those of what was found; `rate_limited`.
    pub(crate) fn shown_key<T>(&self, found: Result<T>) -> Result<T> {
        if found.is_err() && self.caller.is_trusted(self.engine()) {
            return found;
        }
        Tier::Key.charge_refused(self.place, self.settings, self.source, found)
    }

    /// Counts a call of this tier.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait.
    pub(crate) fn charge(&self, tier: Tier) -> Result<()> {
        tier.charge(self.place, self.settings, self.source)
    }

    /// Tells how a verification has ended to whoever wants to know.
    pub(crate) fn note(&self, code: VerdictCode) {
        if let Some(decisions) = self.decisions {
            decisions.note(code);
        }
    }

    /// From where the call comes, as its caller says.
    pub(crate) fn source(&self) -> Option<&str> {
        self.source
    }

    /// The one tenant that the call is about; none for the operator's key manager.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// The tenant that what is created belongs to.
    pub(crate) fn home(&self) -> TenantId {
        self.tenant.unwrap_or(DEFAULT_TENANT)
    }

    /// The user who is calling.
    pub(crate) fn user(&self) -> Result<UserId> {
        match self.actor {
            Actor::User { id, .. } => Ok(id),
            _ => Err(for_users()),
        }
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
