//! Tenants and their members.

mod create;
mod list;
mod members;
mod one;
mod roles;

pub use create::CreateTenant;
pub use list::ListTenants;
pub use members::{AddMember, ListMembers, Member};
pub use one::{GetTenant, RemoveTenant, UpdateTenant};
pub use roles::{RemoveMember, UpdateMember};

use serde::{Deserialize, Serialize};

use crate::authz::MemberRole;
use crate::id::TenantId;
use crate::store::TenantRow;

/// A tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What it is called.
    pub name: String,
    /// The role there of the user who asks; none for a key and the operator.
    pub role: Option<MemberRole>,
    /// Unix ms.
    pub created_at: i64,
}

impl Tenant {
    pub(crate) fn new(row: TenantRow, role: Option<MemberRole>) -> Self {
        Self { id: row.id, name: row.name, role, created_at: row.created_at }
    }
}
