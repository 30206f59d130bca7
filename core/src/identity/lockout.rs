//! Lockout: from the fifth failed login on, an account waits increasingly long for the client address of the
//! failures.
//!
//! A client address from which the account has logged in before counts its own failures only, and waits at most a
//! minute: no other client can lock the owner out. All other addresses of an account are also counted together, so
//! that many addresses guess no faster than one. Without a client address, login throttling is off.

use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::secret::Digest;
use crate::store::{FailedLogins, Failure, Rows, Tx};

/// The number of failures without a wait.
const FREE_FAILURES: u32 = 5;
/// The first wait, which is also the longest wait for a known client address, in ms.
const FIRST_WAIT_MS: i64 = 60_000;
/// The longest wait for any other address, in ms.
const MAX_WAIT_MS: i64 = 15 * 60_000;
/// How long after the last failure the counts are reset.
const RESET_AFTER_MS: i64 = 24 * 60 * 60_000;
/// The name under which all unknown addresses are counted together.
const ALL_ADDRESSES: &str = "*";

/// An account, which need not exist, and the client address of a login to it.
pub(crate) struct Lockout<'a> {
    account: Digest,
    /// The digest under which all unknown addresses of the account are counted. It contains a line break, which no
    /// e-mail address has, so that it cannot be an account's.
    all_addresses: Digest,
    address: Option<&'a str>,
}

/// One of the counts of a login: the digest, the name, and the longest wait.
type Count<'a> = (&'a Digest, &'a str, i64);

impl<'a> Lockout<'a> {
    /// The lockout of the account with this normalized e-mail address.
    pub(crate) fn of(email: &str, address: Option<&'a str>) -> Self {
        let digest_of = |text: &str| Digest::of(text.as_bytes());
        Self { account: digest_of(email), all_addresses: digest_of(&format!("\n{email}")), address }
    }

    /// Whether the account has logged in from the client address before.
    pub(crate) fn is_known(&self, rows: &Rows<'_>) -> Result<bool, Failure> {
        self.address.map_or(Ok(false), |address| rows.is_known_address(&self.account, address))
    }

    /// # Errors
    /// `rate_limited` if the login has to wait.
    pub(crate) fn wait(&self, rows: &Rows<'_>, is_known: bool, now: i64) -> Result<(), Failure> {
        self.counts(is_known).try_for_each(|(account, name, longest)| {
            Ok(check_wait(now, rows.failed_logins(account, name)?, longest)?)
        })
    }

    /// Counts a failed login, unless it has to wait.
    ///
    /// # Errors
    /// `rate_limited` if the login has to wait.
    pub(crate) fn count(&self, tx: &Tx<'_>, is_known: bool, now: i64) -> Result<(), Failure> {
        let forgotten = now.saturating_sub(RESET_AFTER_MS);
        for (account, name, longest) in self.counts(is_known) {
            // If another login was counted meanwhile, try again: after a few of them, this one has to wait.
            loop {
                let seen = tx.failed_logins(account, name)?;
                check_wait(now, seen, longest)?;
                if tx.count_failed_login(account, name, seen, with_one_more(seen, now), forgotten)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Uncounts a login whose password was not compared.
    pub(crate) fn withdraw(&self, tx: &Tx<'_>, is_known: bool) -> Result<(), Failure> {
        self.counts(is_known).try_for_each(|(account, name, _)| tx.uncount_failed_login(account, name))
    }

    /// Records a successful login: resets the failures of the client address, and stores it as known.
    pub(crate) fn succeed(&self, tx: &Tx<'_>, is_known: bool, now: i64) -> Result<(), Failure> {
        let Some(address) = self.address else { return Ok(()) };
        if !is_known {
            // Failures from other addresses stay counted: a login of the owner must not speed up guessing.
            tx.uncount_failed_login(&self.all_addresses, ALL_ADDRESSES)?;
        }
        tx.forget_failed_logins(&self.account, address)?;
        self.store_address(tx, now)
    }

    /// Stores the client address as known to the account.
    pub(crate) fn store_address(&self, tx: &Tx<'_>, now: i64) -> Result<(), Failure> {
        self.address.map_or(Ok(()), |address| tx.record_known_address(&self.account, address, now))
    }

    fn counts(&self, is_known: bool) -> impl Iterator<Item = Count<'_>> {
        let (own, all_addresses) = if is_known {
            (FIRST_WAIT_MS, None)
        } else {
            (MAX_WAIT_MS, Some((&self.all_addresses, ALL_ADDRESSES, MAX_WAIT_MS)))
        };
        let counts = self.address.map(|address| [Some((&self.account, address, own)), all_addresses]);
        counts.into_iter().flatten().flatten()
    }
}

/// Whether `last_at` was written by a process whose clock was ahead. Failures of that time cause no wait.
fn is_in_the_future(last_at: i64, now: i64) -> bool {
    last_at - now > MAX_WAIT_MS
}

/// These failures and one more at `now`. Failures that are too old, or from a clock that was ahead, no longer count.
fn with_one_more(seen: FailedLogins, now: i64) -> FailedLogins {
    let is_over = now - seen.last_at >= RESET_AFTER_MS || is_in_the_future(seen.last_at, now);
    FailedLogins { count: if is_over { 1 } else { seen.count.saturating_add(1) }, last_at: now }
}

/// Checks that the next login does not have to wait at `now`.
///
/// # Errors
/// `rate_limited` if it has to.
fn check_wait(now: i64, failed: FailedLogins, longest: i64) -> Result<()> {
    let wait = wait_at(now, failed, longest);
    if wait <= 0 {
        return Ok(());
    }
    let seconds = u32::try_from(wait.cast_unsigned().div_ceil(1000)).unwrap_or(u32::MAX);
    let message = "too many failed logins: wait and try again, or reset the password";
    Err(GatekeeperError::new(ErrorKind::RateLimited, message).after(seconds))
}

/// How long the next login has to wait at `now`.
fn wait_at(now: i64, failed: FailedLogins, longest: i64) -> i64 {
    if is_in_the_future(failed.last_at, now) {
        return 0;
    }
    wait_of(failed, longest) - (now - failed.last_at).max(0)
}

/// How long after the last of these failures the next login has to wait.
fn wait_of(failed: FailedLogins, longest: i64) -> i64 {
    match failed.count.checked_sub(FREE_FAILURES) {
        None => 0,
        Some(more) => FIRST_WAIT_MS.saturating_mul(1 << more.min(10)).min(longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(longest: i64) -> Vec<i64> {
        (0..12).map(|count| wait_of(FailedLogins { count, last_at: 0 }, longest)).collect()
    }

    #[test]
    fn failures_counted_by_a_clock_that_was_ahead_lock_no_account() {
        let (now, hour) = (1_000_000_000, 60 * 60_000);
        let failed = |last_at| FailedLogins { count: 20, last_at };
        assert_eq!(wait_at(now, failed(now), MAX_WAIT_MS), MAX_WAIT_MS);
        assert_eq!(wait_at(now, failed(now + 60_000), MAX_WAIT_MS), MAX_WAIT_MS);
        assert_eq!(wait_at(now, failed(now + hour), MAX_WAIT_MS), 0);
        assert_eq!(wait_at(now, failed(now - hour), MAX_WAIT_MS).max(0), 0);
    }

    #[test]
    fn the_wait_grows_from_the_fifth_failure_on_and_is_bounded() {
        let minute = 60_000;
        assert_eq!(waits(minute)[..7], [0, 0, 0, 0, 0, minute, minute]);
        assert_eq!(waits(MAX_WAIT_MS)[4..10], [0, minute, 2 * minute, 4 * minute, 8 * minute, 15 * minute]);
    }
}
