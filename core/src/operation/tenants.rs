//! Tenants and their members.

mod create;
mod list;
mod member;
mod members;
mod one;
mod roles;

pub use create::CreateTenant;
pub use list::ListTenants;
pub use member::Member;
pub use members::{AddMember, ListMembers};
pub use one::{GetTenant, RemoveTenant, UpdateTenant};
pub use roles::{RemoveMember, UpdateMember};

use serde::{Deserialize, Serialize};

pub use crate::authz::MemberRole;
use crate::id::TenantId;
use crate::store::TenantRow;

/// A tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tenant {
    /// The tenant's id.
    pub id: TenantId,
    /// The tenant's name.
    pub name: String,
    /// The calling user's role in the tenant; none if an API key, a root key or the operator calls.
    pub role: Option<MemberRole>,
    /// When the tenant was created, Unix milliseconds.
    pub created_at: i64,
}

impl Tenant {
    pub(crate) fn new(row: TenantRow, role: Option<MemberRole>) -> Self {
        Self { id: row.id, name: row.name, role, created_at: row.created_at }
    }
}
