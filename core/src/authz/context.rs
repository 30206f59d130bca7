//! What an operation runs in.

use super::grant::Grant;
use super::permission::MemberRole;
use super::principal::Principal;
use super::{Call, Settings, TenantRef, Throttle, for_users, forbidden, identity};
use crate::clock::Clock;
use crate::database::Database;
use crate::error::{ErrorKind, Result};
use crate::id::{TenantId, UserId};
use crate::identity::{AccessClaims, KeyClaims, Keyring, Signers};
use crate::metering::{Recorded, Usage};
use crate::secret::Secret;
use crate::store::{DEFAULT_TENANT, Failure, Rows, Tx};
use crate::vault::Vault;
use crate::verify::{CompiledEndpoints, Engine, VerdictCode};

/// How many batches of a tenant's rows go with the call that removes it: about a fifth of a second.
const REMOVAL_BATCHES: u32 = 20;

/// What an operation runs in: the backend's state, and a caller who was admitted.
///
/// It hands out no store: an operation reads through `read`, and writes through `write`, which checks the caller's rights
/// again.
pub struct Context<'a> {
    call: Call<'a>,
    grant: Grant,
    role: Option<MemberRole>,
}

impl<'a> Context<'a> {
    pub(super) fn new(call: Call<'a>, grant: Grant, role: Option<MemberRole>) -> Self {
        Self { call, grant, role }
    }
}

impl Context<'_> {
    /// Reads from one snapshot.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Rows<'_>) -> Result<T, Failure>) -> Result<T> {
        self.database().store().read_rows(read)
    }

    /// Runs `write` in a transaction of its own, for a caller who still has the rights that the call was admitted with: they
    /// are checked again on the transaction's own rows. `write` gets the caller as they are now, so that what it grants by
    /// their role or scopes is no more than they still have. An error undoes all of it.
    ///
    /// # Errors
    /// Those of `write`; `unauthorized`, `not_found` or `forbidden` where the caller's rights were taken while the call
    /// waited; `service_unavailable` where the store cannot be reached.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Tx<'_>, &Self) -> Result<T, Failure>) -> Result<T> {
        let written = self.database().store().write(|tx| {
            let (grant, role) = self.grant.check(tx, self.now())?;
            write(tx, &Self { grant, role, ..*self })
        });
        self.database().prune_if_due(self.settings().retention);
        written
    }

    /// Deletes some of what removed tenants have left; [`Gatekeeper::prune`](crate::Gatekeeper::prune) deletes the rest.
    /// Where that cannot be done now, it is done later.
    pub(crate) fn delete_removed(&self) {
        if let Err(error) = self.database().store().delete_removed(REMOVAL_BATCHES) {
            tracing::warn!(%error, "rows of a removed tenant are left for later");
        }
    }

    /// Records usage, on disk when this returns. The caller's rights are checked again in the transaction, which may be
    /// another caller's too.
    pub(crate) fn record(&self, usage: Usage) -> Result<Recorded> {
        self.database().record(usage, self.settings().retention)
    }

    /// The rights of this call, for a transaction that is composed elsewhere.
    pub(crate) fn grant(&self) -> Grant {
        self.grant.clone()
    }

    pub(super) fn database(&self) -> &Database {
        self.call.database
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.database().clock()
    }

    /// The present, as records keep it.
    pub(crate) fn now(&self) -> i64 {
        self.database().now()
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.call.settings
    }

    pub(crate) fn vault(&self) -> Result<&Vault> {
        self.database().vault()
    }

    /// The keys that sign tokens.
    pub(crate) fn signers(&self) -> &Signers {
        self.database().signers()
    }

    /// What signing needs.
    pub(crate) fn keyring(&self) -> Result<Keyring<'_>> {
        self.database().keyring(self.settings().algorithm)
    }

    /// An access token with these claims.
    pub(crate) fn sign_access(&self, claims: &AccessClaims) -> Result<Secret> {
        self.signers().sign_access(self.keyring()?, claims)
    }

    /// A token that stands for an API key, with these claims.
    pub(crate) fn sign_key(&self, claims: &KeyClaims) -> Result<Secret> {
        self.signers().sign_key(self.keyring()?, claims)
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.database().engine()
    }

    /// Who is calling.
    pub(crate) fn principal(&self) -> &Principal {
        self.grant.principal()
    }

    /// The caller's role in the tenant, for a member.
    pub(crate) fn role(&self) -> Option<MemberRole> {
        self.role
    }

    /// Whether the caller has `permission` in the call's tenant.
    pub(crate) fn may(&self, permission: &str) -> bool {
        identity::is_permitted(self.principal(), self.role, permission)
    }

    /// Lets the caller do what needs `permission` in the call's tenant.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn permit(&self, permission: &str) -> Result<()> {
        identity::permit(self.principal(), self.role, permission)
    }

    /// Whether the caller has `permission` in a tenant that the request does not name.
    pub(crate) fn may_in(&self, tenant: TenantId, permission: &str) -> Result<bool> {
        match identity::bind(self.database(), self.principal(), TenantRef::Given(tenant)) {
            Ok((_, role)) => Ok(identity::is_permitted(self.principal(), role, permission)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The endpoints that the caller defined.
    pub(crate) fn endpoints(&self) -> &CompiledEndpoints {
        self.call.endpoints
    }

    /// What was found of a key that the request shows. One that is not good is counted against the source, unless that
    /// has shown a root key of its own that is: a backend passes on whatever its clients send.
    ///
    /// # Errors
    /// Those of what was found; `rate_limited`.
    pub(crate) fn shown_key<T>(&self, found: Result<T>) -> Result<T> {
        if found.is_err() && self.call.credential.is_trusted(self.engine()) {
            return found;
        }
        Throttle::Key.consume_rejected(self.database(), self.settings(), self.client_address(), found)
    }

    /// Rejects a newcomer where sign-up is closed. The operator is none.
    ///
    /// # Errors
    /// `forbidden` that names the setting, and what the operator can do instead.
    pub(crate) fn check_signup(&self) -> Result<()> {
        if !self.call.signup_is_closed || matches!(self.principal(), Principal::Operator) {
            return Ok(());
        }
        Err(forbidden(
            "sign-up is closed on this server, and with it the creation of tenants: the operator can set signup = \"open\", \
             or create the account with `gatekeeper users create EMAIL --tenant NAME`",
        ))
    }

    /// Counts a call of this tier.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait.
    pub(crate) fn consume(&self, throttle: Throttle) -> Result<()> {
        throttle.consume(self.database(), self.settings(), self.client_address())
    }

    /// Counts how a verification has ended, where the caller wants that counted.
    pub(crate) fn note(&self, code: VerdictCode) {
        if let Some(verdict_counters) = self.call.verdict_counters {
            verdict_counters.note(code);
        }
    }

    /// From where the call comes, as its caller says.
    pub(crate) fn client_address(&self) -> Option<&str> {
        self.call.client_address
    }

    /// The one tenant that the call is about; none for the operator's key manager.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.grant.tenant()
    }

    /// The tenant that what is created belongs to.
    pub(crate) fn home(&self) -> TenantId {
        self.tenant().unwrap_or(DEFAULT_TENANT)
    }

    /// The user who is calling.
    pub(crate) fn user(&self) -> Result<UserId> {
        match self.principal() {
            Principal::User { id, .. } => Ok(*id),
            _ => Err(for_users()),
        }
    }
}
