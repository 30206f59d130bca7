//! Deletion of records whose retention has ended.

use super::Gatekeeper;
use crate::database::Pruned;
use crate::error::Result;

impl Gatekeeper {
    /// Deletes records of an embedded database after their retention, in short transactions: wrong passwords after a
    /// minute, failed logins after a day, client addresses of an account after 180 days without a login, sessions 30
    /// days after their end, tokens at their end, audit events of logins to no account after 90 days, sums of usage
    /// by the hour after 40 days and by the day after 400, usage events after `usageRetentionDays`, and the rows of
    /// removed tenants. For the operator only. Every process that writes does some of it once an hour.
    ///
    /// If the clock is ahead, a call advances by at most two days, unless `trusts_clock` is true. Stored times that are in
    /// the future, because the clock was ahead, are set to now.
    ///
    /// ```
    /// let gatekeeper = gatekeeper::blocking::Gatekeeper::open("memory:")?;
    /// assert_eq!(gatekeeper.prune(false)?.rows, 0);
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` for a server; `service_unavailable` if the store cannot be reached.
    pub fn prune(&self, trusts_clock: bool) -> Result<Pruned> {
        let embedded = self.embedded("prune")?;
        let operator = embedded.as_operator()?;
        embedded.database().prune(operator.settings().retention, trusts_clock)
    }
}
