//! Records as plain rows. Judges nothing.
//!
//! Every change that can alter a verdict takes the next *change number* in its own transaction, and announces it to all
//! who share the database before it commits. What is read carries the number of its snapshot.

mod sqlite;

use std::borrow::Cow;

use crate::id::{AuditId, EventId, KeyId, SessionId, TenantId, UserId};
use crate::secret::Digest;

pub use sqlite::MissingRow;
use sqlite::tenant_row;
pub(crate) use sqlite::{Failure, Rows, Store, Tx};

/// Stands for the set of suffixes that imported digests were made with, in the words that say what is fresh: whatever
/// adds to it announces a change of this digest, which is no key's.
pub(crate) const IMPORTS: Digest = Digest::from_bytes([0; 32]);

/// The tenant of keys that a key manager creates without a root key; every database has it.
pub(crate) const DEFAULT_TENANT: TenantId = TenantId::from_bits(0);

/// How many keys can create one another: each of them counts what the next ones use.
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
    /// Sorted by bytes, each once.
    pub(crate) scopes: &'a [String],
    pub(crate) quota: Quota<'a>,
    /// Of an imported digest: what was hashed after the key.
    pub(crate) hashed_suffix: Option<&'a str>,
    pub(crate) created_by: Creator,
}

/// Who created a key.
#[derive(Clone)]
pub(crate) struct Creator {
    /// `user`, `apiKey`, `rootKey` or `operator`.
    pub(crate) kind: Cow<'static, str>,
    pub(crate) id: Option<String>,
}

#[cfg(test)]
impl<'a> NewKey<'a> {
    /// One without roles, scopes or a quota, of the default tenant.
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
            quota: Quota::NONE,
            hashed_suffix: None,
            created_by: Creator { kind: "operator".into(), id: None },
        }
    }
}

/// How much may be used in a calendar period; without a limit, anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota<'a> {
    pub(crate) limit: Option<i64>,
    /// `hour`, `day` or `month`.
    pub(crate) period: &'a str,
}

impl Quota<'static> {
    pub(crate) const NONE: Self = Self { limit: None, period: "month" };
}

/// All that is stored of a key, but its digests.
pub(crate) struct KeyRecord {
    pub(crate) id: KeyId,
    pub(crate) tenant_id: TenantId,
    pub(crate) owner_id: Option<String>,
    /// None for keys from before this was stored.
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

/// How large a tenant is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TenantSize {
    pub(crate) keys: i64,
    pub(crate) members: i64,
    /// Of its keys' metadata.
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
    /// The tenant that it acts for.
    pub(crate) tenant: TenantId,
}

/// A tenant, and the role there of the user who asks.
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
    /// Normalised.
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    /// A PHC string.
    pub(crate) password: String,
    pub(crate) created_at: i64,
}

/// How often in a row a login has failed, and when it last did.
#[derive(Clone, Copy, Default)]
pub(crate) struct FailedLogins {
    pub(crate) count: u32,
    pub(crate) last_at: i64,
}

/// Wrong passwords of a client address at one time.
#[derive(Clone, Copy)]
pub(crate) struct PasswordFailures {
    pub(crate) at: i64,
    pub(crate) count: u32,
}

/// Rows that strangers can make many of, and that say nothing any more after a while.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Old {
    PasswordFailures,
    LoginFailures,
    KnownAddresses,
    ExpiredSessions,
    RevokedSessions,
    Tokens,
    /// Audit events of no tenant and about no account that exists.
    EventsOfStrangers,
    HourSums,
    DaySums,
}

impl Old {
    /// All of them.
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

/// The time that the last deletion of old rows went by, Unix ms, and the boot clock then; 0 before there was one.
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
    /// Whether it is not over at `now`.
    pub(crate) fn is_active(&self, now: i64) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// What a token that can be used once is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// New tokens of a session.
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
    /// The id of what it belongs to.
    pub(crate) subject: String,
    pub(crate) used_at: Option<i64>,
}

#[derive(Clone)]
pub(crate) struct SigningKeyRow {
    pub(crate) id: String,
    pub(crate) algorithm: String,
    /// Sealed.
    pub(crate) private_key: Vec<u8>,
    /// A JWK.
    pub(crate) public_key: String,
    pub(crate) created_at: i64,
    pub(crate) signs: SigningPeriod,
}

/// When tokens are signed with a key. It is published before it signs, and is known for some time after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SigningPeriod {
    /// From when on, Unix ms.
    pub(crate) from: i64,
    /// Until when, if another key was made to sign after it.
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

/// Which audit events are asked for; times are Unix ms, `to` excluded.
#[derive(Default)]
pub(crate) struct AuditFilter {
    pub(crate) actor_id: Option<String>,
    pub(crate) action_prefix: Option<String>,
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
}

/// Something that was used.
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
    /// SHA-256 of the request that the idempotency key stands for.
    pub(crate) request: Option<[u8; 32]>,
    pub(crate) created_at: i64,
}

/// A tenant that has imported keys, and how many.
pub(crate) struct SuffixHolder {
    pub(crate) tenant_id: TenantId,
    pub(crate) tenant_name: String,
    /// How many different suffixes they have.
    pub(crate) suffixes: i64,
    pub(crate) keys: i64,
}

/// What was used in a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsageSum {
    pub(crate) quantity: i64,
    pub(crate) events: i64,
}

/// The bucket that a sum is of.
pub(crate) struct SumOf<'a> {
    /// The id of a tenant or of a key.
    pub(crate) subject: &'a str,
    pub(crate) period: &'static str,
    pub(crate) starts: i64,
}

/// Whose a key is, and how much it may be used for.
pub(crate) struct KeyQuota {
    pub(crate) tenant: TenantId,
    /// The API key that created it, whose quota it uses too.
    pub(crate) creator: Option<KeyId>,
    pub(crate) limit: Option<i64>,
    pub(crate) period: String,
}

/// What verification reads of a key.
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) owner_id: Option<String>,
    /// Sorted by bytes, each once.
    pub(crate) roles: Vec<String>,
    /// Sorted by bytes, each once.
    pub(crate) scopes: Vec<String>,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
    /// Whether it is neither disabled nor revoked.
    pub(crate) is_active: bool,
    /// The end of the key, or of this secret of it if that is earlier.
    pub(crate) expires_at: Option<i64>,
    /// Of an imported digest: what was hashed after the key.
    pub(crate) hashed_suffix: Option<String>,
}

/// How many rows are read at once, and how many bytes of them: one row at least.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) rows: u32,
    /// Reading ends with the row that reaches this.
    pub(crate) bytes: usize,
}

/// Rows that were read within bounds.
pub(crate) struct Part<T> {
    pub(crate) rows: Vec<T>,
    /// Whether there are more after them.
    pub(crate) has_more: bool,
}

/// Something read, and the change number of the snapshot it was read from.
pub(crate) struct Versioned<T> {
    pub(crate) number: u64,
    pub(crate) found: T,
}
