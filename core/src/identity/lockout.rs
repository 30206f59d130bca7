//! Failed logins: from their fifth on, an account waits longer and longer for the source they came from.
//!
//! A source that the account has logged in from before counts its own failures only, and waits a minute at most: nobody
//! else can lock its owner out. All other sources of an account count together, too, so that many of them guess no faster
//! than one. Where the caller names no source, nobody can be told apart, and nobody waits.

use super::Email;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::secret::Digest;
use crate::store::{FailedLogins, Failure, Tx};

/// Failures that cost nothing.
const FREE: u32 = 5;
/// The first wait, and the longest one for a known source, in ms.
const FIRST_WAIT_MS: i64 = 60_000;
/// The longest wait for any other, in ms.
const LONGEST_WAIT_MS: i64 = 15 * 60_000;
/// After so long without a failure, all are forgotten.
const FORGOTTEN_MS: i64 = 24 * 60 * 60_000;
/// The source that all unknown ones count as, together.
const ANY: &str = "*";

/// An account, which need not exist, and the source of a login to it.
pub(crate) struct Lockout<'a> {
    account: Digest,
    /// What all unknown sources of the account are counted under; no address has a line break, so that it is no account.
    everywhere: Digest,
    source: Option<&'a str>,
}

impl<'a> Lockout<'a> {
    pub(crate) fn of(email: &Email, source: Option<&'a str>) -> Self {
        let digest_of = |text: &str| Digest::of(text.as_bytes());
        let everywhere = digest_of(&format!("\n{}", email.as_str()));
        Self { account: digest_of(email.as_str()), everywhere, source }
    }

    /// Counts a login as failed before it is judged, so that many at once count as many.
    ///
    /// # Errors
    /// `rate_limited` where it has to wait.
    pub(crate) fn begin(&self, tx: &Tx<'_>, now: i64) -> Result<(), Failure> {
        let Some(source) = self.source else { return Ok(()) };
        let is_known = tx.is_known_source(&self.account, source)?;
        if is_known {
            return count(tx, &self.account, source, now, FIRST_WAIT_MS);
        }
        count(tx, &self.account, source, now, LONGEST_WAIT_MS)?;
        count(tx, &self.everywhere, ANY, now, LONGEST_WAIT_MS)
    }

    /// The login was not judged: it counts for nothing.
    pub(crate) fn withdraw(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        let Some(source) = self.source else { return Ok(()) };
        if !tx.is_known_source(&self.account, source)? {
            tx.uncount_failed_login(&self.everywhere, ANY)?;
        }
        tx.uncount_failed_login(&self.account, source)
    }

    /// The login was right after all: forgets its failures, and remembers its source.
    pub(crate) fn end(&self, tx: &Tx<'_>, now: i64) -> Result<(), Failure> {
        let Some(source) = self.source else { return Ok(()) };
        if !tx.is_known_source(&self.account, source)? {
            // Counted when it began. What others have failed stays: they must guess no faster for it.
            tx.uncount_failed_login(&self.everywhere, ANY)?;
        }
        tx.forget_failed_logins(&self.account, source)?;
        self.remember(tx, now)
    }

    /// From now on the source is one that the account is known to use.
    pub(crate) fn remember(&self, tx: &Tx<'_>, now: i64) -> Result<(), Failure> {
        self.source.map_or(Ok(()), |source| tx.remember_source(&self.account, source, now))
    }
}

/// Counts a failed login of `account` from `source`, unless it has to wait.
fn count(tx: &Tx<'_>, account: &Digest, source: &str, now: i64, longest: i64) -> Result<(), Failure> {
    let failed = tx.failed_logins(account, source)?;
    let wait = wait_of(failed, longest) - (now - failed.last_at).max(0);
    if wait > 0 {
        let seconds = u32::try_from(wait.cast_unsigned().div_ceil(1000)).unwrap_or(u32::MAX);
        let message = "too many failed logins: wait, or ask for a new password";
        return Err(GatekeeperError::new(ErrorKind::RateLimited, message).after(seconds).into());
    }
    if now - failed.last_at >= FORGOTTEN_MS {
        tx.forget_failed_logins(account, source)?;
    }
    tx.count_failed_login(account, source, now)
}

/// How long after the last of these failures the next login has to wait.
fn wait_of(failed: FailedLogins, longest: i64) -> i64 {
    match failed.count.checked_sub(FREE) {
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
    fn the_wait_grows_from_the_fifth_failure_on_and_has_an_end() {
        let minute = 60_000;
        assert_eq!(waits(minute)[..7], [0, 0, 0, 0, 0, minute, minute]);
        assert_eq!(
            waits(LONGEST_WAIT_MS)[4..10],
            [0, minute, 2 * minute, 4 * minute, 8 * minute, 15 * minute]
        );
    }
}
