//! Members of tenants.

use super::driver::{Row, params};
use super::{Failure, Rows, Tx};
use crate::error::Result;
use crate::id::{TenantId, UserId};
use crate::store::{MemberRow, TenantOfUser, tenant_row};

const COLUMNS: &str = "SELECT m.user_id, m.tenant_id, m.role, u.email, u.name, m.created_at
    FROM members AS m JOIN users AS u ON u.id = m.user_id";

impl Rows<'_> {
    /// The role of a user in a tenant, as stored.
    pub(crate) fn role_name(&self, tenant: TenantId, user: UserId) -> Result<Option<String>, Failure> {
        self.value(
            "SELECT m.role FROM members AS m JOIN tenants AS t ON t.id = m.tenant_id
             WHERE m.tenant_id = $1 AND m.user_id = $2 AND t.removed_at IS NULL",
            params![tenant, user],
        )
    }

    pub(crate) fn member(&self, tenant: TenantId, user: UserId) -> Result<Option<MemberRow>, Failure> {
        self.one(
            &format!("{COLUMNS} WHERE m.tenant_id = $1 AND m.user_id = $2"),
            params![tenant, user],
            member_row,
        )
    }

    /// At most `limit` members of a tenant after `after`, in the order of their users' ids.
    pub(crate) fn members(
        &self,
        tenant: TenantId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<MemberRow>, Failure> {
        self.all(
            &format!("{COLUMNS} WHERE m.tenant_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3"),
            params![tenant, after.map_or_else(String::new, |id| id.to_string()), limit],
            member_row,
        )
    }

    /// At most `limit` of a user's tenants after `after`, in the order of their ids.
    pub(crate) fn tenants_of(
        &self,
        user: UserId,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantOfUser>, Failure> {
        self.all(
            "SELECT t.id, t.name, t.created_at, t.quota_limit, t.quota_period, m.role
             FROM members AS m JOIN tenants AS t ON t.id = m.tenant_id
             WHERE m.user_id = $1 AND t.id > $2 AND t.removed_at IS NULL ORDER BY t.id LIMIT $3",
            params![user, after.map_or_else(String::new, |id| id.to_string()), limit],
            |row| Ok(TenantOfUser { tenant: tenant_row(row)?, role: row.get(5)? }),
        )
    }
}

impl Tx<'_> {
    /// Adds a user as a member. Returns false if they already are one.
    pub(crate) fn add_member(
        &self,
        tenant: TenantId,
        user: UserId,
        role: &str,
        now: i64,
    ) -> Result<bool, Failure> {
        let added = self.run(
            "INSERT INTO members (tenant_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, user_id) DO NOTHING",
            params![tenant, user, role, now],
        )?;
        Ok(added == 1)
    }

    /// Changes the role of a member, unless they are the last one with the role `kept`. Returns whether it was changed.
    /// The tenant must be locked: another transaction could change another member with that role.
    pub(crate) fn set_role(
        &self,
        tenant: TenantId,
        user: UserId,
        role: &str,
        kept: &str,
    ) -> Result<bool, Failure> {
        let set = self.run(
            "UPDATE members SET role = $1 WHERE tenant_id = $2 AND user_id = $3
                AND ($1 = $4 OR role <> $4 OR EXISTS (
                    SELECT 1 FROM members AS other
                    WHERE other.tenant_id = $2 AND other.user_id <> $3 AND other.role = $4))",
            params![role, tenant, user, kept],
        )?;
        Ok(set == 1)
    }

    /// Removes a member, unless they are the last one with the role `kept`. Returns whether they were removed. The tenant
    /// must be locked, as for [`set_role`](Self::set_role).
    pub(crate) fn remove_member(&self, tenant: TenantId, user: UserId, kept: &str) -> Result<bool, Failure> {
        let removed = self.run(
            "DELETE FROM members WHERE tenant_id = $1 AND user_id = $2
                AND (role <> $3 OR EXISTS (
                    SELECT 1 FROM members AS other
                    WHERE other.tenant_id = $1 AND other.user_id <> $2 AND other.role = $3))",
            params![tenant, user, kept],
        )?;
        Ok(removed == 1)
    }
}

fn member_row(row: &Row<'_>) -> Result<MemberRow, Failure> {
    Ok(MemberRow {
        user_id: row.get(0)?,
        tenant_id: row.get(1)?,
        role: row.get(2)?,
        email: row.get(3)?,
        name: row.get(4)?,
        created_at: row.get(5)?,
    })
}
