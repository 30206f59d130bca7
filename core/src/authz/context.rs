//! The context in which an operation runs.

use std::fmt;

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

/// The number of batches of a deleted tenant's rows that the deleting call itself deletes: about a fifth of a
/// second.
const REMOVAL_BATCHES: u32 = 20;

/// The context in which an operation runs: the backend's state and an authorized caller.
///
/// It does not expose the store. An operation reads through `read` and writes through `write`, which checks the
/// caller's rights again.
pub struct Context<'a> {
    call: Call<'a>,
    grant: Grant,
    role: Option<MemberRole>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("principal", self.principal()).finish_non_exhaustive()
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(call: Call<'a>, grant: Grant, role: Option<MemberRole>) -> Self {
        Self { call, grant, role }
    }
}

impl<'a> Context<'a> {
    /// The context of the rest of a call that was authorized from memory. Such a caller is not a member.
    pub(crate) fn of(call: Call<'a>, grant: Grant) -> Self {
        Self::new(call, grant, None)
    }
}

impl Context<'_> {
    /// Reads from one snapshot.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Rows<'_>) -> Result<T, Failure>) -> Result<T> {
        self.database().store().read_rows(read)
    }

    /// Runs `write` in a transaction, if the caller still has the rights with which the call was authorized: they
    /// are checked again on the rows of the transaction. `write` gets a context with the caller's current role and
    /// scopes, so that it never grants more than these. An error rolls everything back.
    ///
    /// # Errors
    /// Those of `write`; `unauthorized`, `not_found` or `forbidden` if the caller lost the rights while the call
    /// waited; `service_unavailable` if the store cannot be reached.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Tx<'_>, &Self) -> Result<T, Failure>) -> Result<T> {
        let written = self.database().store().write(|tx| {
            let (grant, role) = self.grant.check(tx, self.now())?;
            write(tx, &Self { grant, role, ..*self })
        });
        self.database().prune_if_due(self.settings().retention);
        written
    }

    /// Deletes some of the rows that removed tenants have left. [`Gatekeeper::prune`](crate::blocking::Gatekeeper::prune)
    /// deletes the rest; a failure here is only logged.
    pub(crate) fn delete_removed(&self) {
        if let Err(error) = self.database().store().delete_removed(REMOVAL_BATCHES) {
            tracing::warn!(%error, "rows of a removed tenant could not be deleted yet: pruning will delete them");
        }
    }

    /// Records usage. It is on disk when this returns. The caller's rights are checked again in the transaction,
    /// which may be shared with other calls.
    pub(crate) fn record(&self, usage: Usage) -> Result<Recorded> {
        self.database().record(usage, self.settings().retention)
    }

    /// The rights of this call, to be checked in a transaction that is composed elsewhere.
    pub(crate) fn grant(&self) -> Grant {
        self.grant.clone()
    }

    pub(super) fn database(&self) -> &Database {
        self.call.database
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.database().clock()
    }

    /// The current time as records store it, Unix milliseconds.
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

    /// What is needed to sign: the signing keys and the secret that opens them.
    pub(crate) fn keyring(&self) -> Result<Keyring<'_>> {
        self.database().keyring(self.settings().algorithm)
    }

    /// An access token with these claims.
    pub(crate) fn sign_access(&self, claims: &AccessClaims) -> Result<Secret> {
        self.signers().sign_access(self.keyring()?, claims)
    }

    /// A token that represents an API key, with these claims.
    pub(crate) fn sign_key(&self, claims: &KeyClaims) -> Result<Secret> {
        self.signers().sign_key(self.keyring()?, claims)
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.database().engine()
    }

    /// The authenticated caller.
    pub(crate) fn principal(&self) -> &Principal {
        self.grant.principal()
    }

    /// The caller's role in the tenant, for a member.
    pub(crate) fn role(&self) -> Option<MemberRole> {
        self.role
    }

    /// Whether the caller has `permission` in the tenant of the call.
    pub(crate) fn may(&self, permission: &str) -> bool {
        identity::is_permitted(self.principal(), self.role, permission)
    }

    /// Checks that the caller has `permission` in the tenant of the call.
    ///
    /// # Errors
    /// `forbidden` if not.
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

    /// Passes on the result of looking up a key that the request contains. An invalid key is counted against the
    /// client address, unless the call itself has a valid root key: such a backend forwards whatever its clients
    /// send.
    ///
    /// # Errors
    /// Those of `found`; `rate_limited`.
    pub(crate) fn shown_key<T>(&self, found: Result<T>) -> Result<T> {
        if found.is_err() && self.call.credential.is_trusted(self.engine()) {
            return found;
        }
        Throttle::Key.consume_rejected(self.database(), self.settings(), self.client_address(), found)
    }

    /// Rejects the creation of an account or a tenant while sign-up is closed, except by the operator.
    ///
    /// # Errors
    /// `forbidden`; the message names the setting and the command that the operator can use.
    pub(crate) fn check_signup(&self) -> Result<()> {
        if !self.call.signup_is_closed || matches!(self.principal(), Principal::Operator) {
            return Ok(());
        }
        Err(forbidden(
            "sign-up and the creation of tenants are closed on this server: the operator can set signup = \"open\", \
             or create the account with `gatekeeper users create EMAIL --tenant NAME`",
        ))
    }

    /// Counts a call against this throttle.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait.
    pub(crate) fn consume(&self, throttle: Throttle) -> Result<()> {
        throttle.consume(self.database(), self.settings(), self.client_address())
    }

    /// Counts the result of a verification, if the caller wants that.
    pub(crate) fn note(&self, code: VerdictCode) {
        if let Some(verdict_counters) = self.call.verdict_counters {
            verdict_counters.note(code);
        }
    }

    /// The client address of the call, as its caller gave it.
    pub(crate) fn client_address(&self) -> Option<&str> {
        self.call.client_address
    }

    /// The tenant of the call; none for the operator's key manager.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.grant.tenant()
    }

    /// The tenant in which the call creates things.
    pub(crate) fn home(&self) -> TenantId {
        self.tenant().unwrap_or(DEFAULT_TENANT)
    }

    /// The calling user.
    pub(crate) fn user(&self) -> Result<UserId> {
        match self.principal() {
            Principal::User { id, .. } => Ok(*id),
            _ => Err(for_users()),
        }
    }
}
