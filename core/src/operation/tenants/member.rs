use serde::{Deserialize, Serialize};

use crate::authz::MemberRole;
use crate::id::{TenantId, UserId};
use crate::store::MemberRow;

/// A member of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Member {
    /// The user's id.
    pub user_id: UserId,
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The user's role in the tenant.
    pub role: MemberRole,
    /// The user's e-mail address.
    pub email: String,
    /// The user's name.
    pub name: Option<String>,
    /// When the user became a member, Unix milliseconds.
    pub created_at: i64,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            user_id: row.user_id,
            tenant_id: row.tenant_id,
            // A role that a later version wrote and this one does not know counts as `member`.
            role: MemberRole::parse(&row.role).unwrap_or(MemberRole::Member),
            email: row.email,
            name: row.name,
            created_at: row.created_at,
        }
    }
}
