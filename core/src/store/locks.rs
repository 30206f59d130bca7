//! Locks for rules over several rows, such as "a tenant has an owner".
//!
//! A transaction that locks a row first waits for other transactions that have locked it. Its later statements see their
//! changes. In SQLite, which has one writer at a time, a transaction never waits here.

use super::driver::params;
use super::{DEFAULT_TENANT, Failure, Tx};
use crate::id::{TenantId, UserId};

impl Tx<'_> {
    /// Locks a tenant until the transaction ends, for a rule over its rows.
    pub(crate) fn lock_tenant(&self, id: TenantId) -> Result<(), Failure> {
        self.run("UPDATE tenants SET name = name WHERE id = $1", params![id])?;
        Ok(())
    }

    /// Locks a user until the transaction ends, for a rule over the user's rows.
    pub(crate) fn lock_user(&self, id: UserId) -> Result<(), Failure> {
        self.run("UPDATE users SET email = email WHERE id = $1", params![id])?;
        Ok(())
    }

    /// Locks the default tenant, which every database has, until the transaction ends: for a rule over all tenants.
    pub(crate) fn lock_database(&self) -> Result<(), Failure> {
        self.lock_tenant(DEFAULT_TENANT)
    }
}
