//! Former names of public types. They work in this version, and are removed in the next.

use crate::authz::Throttle;
use crate::backend::CredentialCache;
use crate::operation::OperationDescriptor;
use crate::verify::{CacheStats, VerdictCounters};

/// The former name of [`CacheStats`].
#[deprecated(note = "renamed to `CacheStats`")]
pub type Remembering = CacheStats;

/// The former name of [`VerdictCounters`].
#[deprecated(note = "renamed to `VerdictCounters`")]
pub type Decisions = VerdictCounters;

/// The former name of [`CredentialCache`].
#[deprecated(note = "renamed to `CredentialCache`")]
pub type Callers = CredentialCache;

/// The former name of [`OperationDescriptor`].
#[deprecated(note = "renamed to `OperationDescriptor`")]
pub type Entry = OperationDescriptor;

/// The former name of [`LenientKeyId`](crate::key_manager::LenientKeyId).
#[deprecated(note = "renamed to `LenientKeyId`")]
pub type GivenId = crate::key_manager::LenientKeyId;

/// The former name of [`Throttle`].
#[deprecated(note = "renamed to `Throttle`")]
pub type Tier = Throttle;

// An alias would not construct these tuple structs.
pub use crate::audit::{AuditExport, AuditExportParts};
pub use crate::usage::{CheckAndRecordUsage, RecordUsage};

/// Keeps the former names of the types that moved from the crate's root into modules.
macro_rules! moved {
    ($($module:ident, $note:literal: $($name:ident $(<$lifetime:lifetime>)?),*;)*) => {$($(
        #[doc = concat!("The former name of [`", stringify!($name), "`](crate::", stringify!($module), "::", stringify!($name), ").")]
        #[deprecated(note = $note)]
        pub type $name$(<$lifetime>)? = crate::$module::$name$(<$lifetime>)?;
    )*)*};
}

moved! {
    audit, "moved to `gatekeeper::audit`": AuditEvent, AuditExportInput, AuditQuery, AuditRecord, ExportFormat, ExportPart;
    auth, "moved to `gatekeeper::auth`": ChangePassword, ListSessions, Login, LoginAnswer, Logout, LogoutAll, Me, MfaChallenge, Refresh, RevokeSession, Session, Signup, Tokens, User;
    blocking, "moved to `gatekeeper::blocking`": AccountTenant<'a>, BackedUp, Backup<'a>, ImportSuffixes, ImportingTenant, Inspection, MissingRow, Pruned, Restore<'a>, Restored, RootKeyOf<'a>, SealedRows, UnacceptedKeys;
    key_manager, "moved to `gatekeeper::key_manager`": AddRoles, CreateKey, CreatedKey, DeleteKey, DeletedKey, LenientKeyId, RemoveRoles, RolesChanged, RotateKey, RotatedKey, VerifyDecision, VerifyKey, VerifyOutput;
    keys, "moved to `gatekeeper::keys`": ApiKey, CreateApiKey, CreatedApiKey, CreatedBy, ForeignKey, GetApiKey, ImportApiKeys, ImportWarning, ImportedApiKeys, IssueKeyToken, KeyStatus, KeyToken, KeyVerdict, ListApiKeys, NewStatus, PrincipalKind, RevokeApiKey, RotateApiKey, UpdateApiKey, ValidateApiKey, ValidatedApiKey, VerifyApiKey;
    permissions, "moved to `gatekeeper::permissions`": Can, ListPermissions;
    platform, "moved to `gatekeeper::platform`": CreateRootKey, CreatedRootKey, ListRootKeys, NewSigningKey, RevokeRootKey, RootKey, RotateSigningKey, SetTenantQuota, TenantQuota;
    tenants, "moved to `gatekeeper::tenants`": AddMember, CreateTenant, GetTenant, ListMembers, ListTenants, Member, MemberRole, RemoveMember, RemoveTenant, Tenant, UpdateMember, UpdateTenant;
    usage, "moved to `gatekeeper::usage`": CheckQuota, ListUsageEvents, Period, QuotaCheck, QuotaLevel, RecordedUsage, SummarizeUsage, UsageEvent, UsageInput, UsageSummary;
}
