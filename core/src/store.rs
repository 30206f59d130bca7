//! Records as plain rows. The store decides nothing.
//!
//! Every change that can alter a verdict takes the next *change number* in its own transaction, and publishes it to
//! every process that uses the database before it commits. A record that is read carries the change number of its
//! snapshot.

mod audit;
#[cfg(test)]
mod conformance;
mod driver;
mod imports;
mod keys;
mod last_used;
mod locks;
mod members;
mod old;
mod one_time;
mod password_failures;
mod removed;
mod required;
mod sessions;
mod signing_keys;
mod tenants;
mod usage;
mod users;

use std::borrow::Cow;

use crate::id::{AuditId, EventId, KeyId, SessionId, TenantId, UserId};
use crate::secret::Digest;

pub(crate) use driver::{Failure, Rows, Store, Tx};
pub use required::MissingRow;
use tenants::tenant_row;

/// A pseudo-digest for the set of suffixes of imported keys. A change that adds a suffix is published as a change
/// of this digest, which no key has.
pub(crate) const IMPORTS: Digest = Digest::from_bytes([0; 32]);

/// The tenant of keys that a key manager creates without a root key. Every database has it.
pub(crate) const DEFAULT_TENANT: TenantId = TenantId::from_bits(0);

/// The maximum length of a chain of keys that created one another: usage counts against every key of the chain.
pub(crate) const MAX_KEY_GENERATIONS: u32 = 8;

/// A new API key.
pub(crate) struct NewKey<'a> {
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) digest: &'a Digest,
    pub(crate) prefix: &'a str,
    pub(crate) roles: &'a [String],
    pub(crate) owner_id: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    /// A JSON object.
    pub(crate) metadata: Option<&'a str>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) created_at: i64,
    /// Sorted by bytes, without duplicates.
    pub(crate) scopes: &'a [String],
    pub(crate) quota: Quota<'a>,
    /// For an imported digest: the suffix that was hashed after the key.
    pub(crate) hashed_suffix: Option<&'a str>,
    pub(crate) created_by: Creator,
}

/// The creator of a key.
#[derive(Clone)]
pub(crate) struct Creator {
    /// `user`, `apiKey`, `rootKey` or `operator`.
    pub(crate) kind: Cow<'static, str>,
    pub(crate) id: Option<String>,
}

#[cfg(test)]
impl<'a> NewKey<'a> {
    /// A key of the default tenant without roles, scopes or a quota.
    pub(crate) fn plain(id: KeyId, digest: &'a Digest) -> Self {
        Self {
            id,
            tenant: DEFAULT_TENANT,
            digest,
            prefix: "user",
            roles: &[],
            owner_id: None,
            name: None,
            metadata: None,
            expires_at: None,
            created_at: 0,
            scopes: &[],
            quota: Quota { limit: None, period: "month" },
            hashed_suffix: None,
            created_by: Creator { kind: "operator".into(), id: None },
        }
    }
}

/// A quota in a calendar period; without a limit, usage is unlimited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota<'a> {
    pub(crate) limit: Option<i64>,
    /// `hour`, `day` or `month`.
    pub(crate) period: &'a str,
}

/// Everything that is stored of a key, except its digests.
pub(crate) struct KeyRecord {
    pub(crate) id: KeyId,
    pub(crate) tenant_id: TenantId,
    pub(crate) owner_id: Option<String>,
    /// None for a key that an earlier version created.
    pub(crate) created_by: Option<Creator>,
    pub(crate) prefix: String,
    pub(crate) name: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) roles: Vec<String>,
    /// `active`, `disabled` or `revoked`.
    pub(crate) status: String,
    pub(crate) quota_limit: Option<i64>,
    pub(crate) quota_period: String,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

pub(crate) struct TenantRow {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    pub(crate) created_at: i64,
    pub(crate) quota_limit: Option<i64>,
    pub(crate) quota_period: String,
}

/// The size of a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TenantSize {
    pub(crate) keys: i64,
    pub(crate) members: i64,
    /// The total metadata of its keys.
    pub(crate) metadata_bytes: i64,
}

/// A root key of a tenant.
pub(crate) struct RootKeyRow {
    pub(crate) id: KeyId,
    pub(crate) created_at: i64,
}

/// A root key that was found by its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoundRootKey {
    pub(crate) id: KeyId,
    /// The tenant that the root key acts for.
    pub(crate) tenant: TenantId,
}

/// A tenant, and the role in it of the calling user.
pub(crate) struct TenantOfUser {
    pub(crate) tenant: TenantRow,
    pub(crate) role: String,
}

pub(crate) struct MemberRow {
    pub(crate) user_id: UserId,
    pub(crate) tenant_id: TenantId,
    pub(crate) role: String,
    pub(crate) email: String,
    pub(crate) name: Option<String>,
    pub(crate) created_at: i64,
}

#[derive(Clone)]
pub(crate) struct UserRow {
    pub(crate) id: UserId,
    /// Normalized.
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    /// A PHC string.
    pub(crate) password: String,
    pub(crate) created_at: i64,
}

/// The number of consecutive failed logins, and the time of the last one.
#[derive(Clone, Copy, Default)]
pub(crate) struct FailedLogins {
    pub(crate) count: u32,
    pub(crate) last_at: i64,
}

/// Wrong passwords from one client address at one time.
#[derive(Clone, Copy)]
pub(crate) struct PasswordFailures {
    pub(crate) at: i64,
    pub(crate) count: u32,
}

/// The kinds of rows that expire and that any client can cause.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Old {
    PasswordFailures,
    LoginFailures,
    KnownAddresses,
    ExpiredSessions,
    RevokedSessions,
    Tokens,
    /// Audit events that belong to no tenant and no existing account.
    EventsOfStrangers,
    HourSums,
    DaySums,
}

impl Old {
    /// Every kind.
    pub(crate) const ALL: [Self; 9] = [
        Self::PasswordFailures,
        Self::LoginFailures,
        Self::KnownAddresses,
        Self::ExpiredSessions,
        Self::RevokedSessions,
        Self::Tokens,
        Self::EventsOfStrangers,
        Self::HourSums,
        Self::DaySums,
    ];
}

/// The time up to which old rows were last deleted, Unix ms, and the boot clock at that time; 0 if never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastPruning {
    pub(crate) seen_at: i64,
    pub(crate) boot_ms: i64,
}

/// A session: one family of refresh tokens.
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) user_id: UserId,
    pub(crate) source: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) revoked_at: Option<i64>,
}

impl SessionRow {
    /// Whether the session is active at `now`.
    pub(crate) fn is_active(&self, now: i64) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// The purpose of a one-time token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Getting new tokens for a session.
    Refresh,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
        }
    }
}

/// A token that can be used once.
pub(crate) struct OneTimeToken {
    /// The id of the object that the token belongs to.
    pub(crate) subject: String,
    pub(crate) used_at: Option<i64>,
}

#[derive(Clone)]
pub(crate) struct SigningKeyRow {
    pub(crate) id: String,
    pub(crate) algorithm: String,
    /// Sealed with the secret of the database.
    pub(crate) private_key: Vec<u8>,
    /// A JWK.
    pub(crate) public_key: String,
    pub(crate) created_at: i64,
    pub(crate) signs: SigningPeriod,
}

/// The period in which a key signs tokens. It is published earlier, and for some time afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SigningPeriod {
    /// The start, Unix ms.
    pub(crate) from: i64,
    /// The end, Unix ms, if another key has replaced it.
    pub(crate) until: Option<i64>,
}

impl SigningPeriod {
    pub(crate) fn includes(self, now: i64) -> bool {
        self.from <= now && self.until.is_none_or(|end| now < end)
    }
}

pub(crate) struct AuditRow {
    pub(crate) id: AuditId,
    pub(crate) tenant_id: Option<TenantId>,
    pub(crate) actor_type: Cow<'static, str>,
    pub(crate) actor_id: Option<String>,
    pub(crate) action: String,
    pub(crate) target: Option<String>,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) created_at: i64,
}

/// A filter for audit events. Times are Unix ms; `to` is exclusive.
#[derive(Default)]
pub(crate) struct AuditFilter {
    pub(crate) actor_id: Option<String>,
    pub(crate) action_prefix: Option<String>,
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
}

/// A usage event.
#[derive(Clone)]
pub(crate) struct UsageRow {
    pub(crate) id: EventId,
    pub(crate) tenant_id: TenantId,
    pub(crate) api_key_id: Option<KeyId>,
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) quantity: i64,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
    /// Unique in the tenant.
    pub(crate) idempotency_key: Option<String>,
    /// The SHA-256 of the request that the idempotency key belongs to.
    pub(crate) request: Option<[u8; 32]>,
    pub(crate) created_at: i64,
}

/// A tenant with imported keys, and how many it has.
pub(crate) struct SuffixHolder {
    pub(crate) tenant_id: TenantId,
    pub(crate) tenant_name: String,
    /// The number of distinct suffixes.
    pub(crate) suffixes: i64,
    pub(crate) keys: i64,
}

/// The total usage of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsageSum {
    pub(crate) quantity: i64,
    pub(crate) events: i64,
}

/// The bucket of a total.
pub(crate) struct SumOf<'a> {
    /// The id of a tenant or of a key.
    pub(crate) subject: &'a str,
    pub(crate) period: &'static str,
    pub(crate) starts: i64,
}

/// The condition of an addition to a usage sum: with `quantity` added, the sum is at most `limit`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) quantity: i64,
    pub(crate) limit: i64,
}

/// The tenant and the quota of a key.
pub(crate) struct KeyQuota {
    pub(crate) tenant: TenantId,
    /// The API key that created it, against whose quota its usage counts too.
    pub(crate) creator: Option<KeyId>,
    pub(crate) limit: Option<i64>,
    pub(crate) period: String,
}

/// The columns of a key that verification reads.
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) owner_id: Option<String>,
    /// Sorted by bytes, without duplicates.
    pub(crate) roles: Vec<String>,
    /// Sorted by bytes, without duplicates.
    pub(crate) scopes: Vec<String>,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
    pub(crate) name: Option<String>,
    /// Whether the key is neither disabled nor revoked.
    pub(crate) is_active: bool,
    /// The expiry of the key, or of this secret if that is earlier.
    pub(crate) expires_at: Option<i64>,
    /// For an imported digest: the suffix that was hashed after the key.
    pub(crate) hashed_suffix: Option<String>,
}

/// The maximum number of rows to read at once, and of their bytes. At least one row is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) rows: u32,
    /// The row that reaches this size is the last one.
    pub(crate) bytes: usize,
}

/// Rows that were read within bounds.
pub(crate) struct Part<T> {
    pub(crate) rows: Vec<T>,
    /// Whether more rows follow.
    pub(crate) has_more: bool,
}

/// A value, and the change number of the snapshot from which it was read.
pub(crate) struct Versioned<T> {
    pub(crate) number: u64,
    pub(crate) found: T,
}
