//! Verifying a password, with all protections against guessing in one module.
//!
//! The order: the client address is throttled and the account may be locked out (429, before any work); the hash
//! waits for a permit, which client addresses get in turn (503); the attempt is counted as failed; then the
//! password is hashed. A wrong password is written to the audit log. Without a client address, nothing is counted.

use super::{Action, Context, Event, throttle};
use crate::error::Result;
use crate::identity::{HashPermit, Lockout, Password};
use crate::store::{Failure, Rows, Tx, UserRow};
use crate::window::Limit;

/// An account whose password is verified. It need not exist.
#[derive(Clone, Copy)]
pub(crate) struct Account<'a> {
    /// The account's e-mail address, normalized.
    pub(crate) email: &'a str,
    /// The stored account, if it exists.
    pub(crate) user: Option<&'a UserRow>,
}

/// A correct password, with the permit to hash, which a caller may need for a new password.
#[must_use]
pub(crate) struct RightPassword<'a> {
    check: Check<'a>,
    permit: HashPermit<'a>,
}

/// A correct password. Its attempt still counts as failed until [`accept`](Self::accept) is called in the
/// transaction that uses it.
#[must_use]
pub(crate) struct ProvenPassword<'a>(Check<'a>);

/// A password attempt. It counts as failed until its outcome is known, so that concurrent attempts all count.
struct Check<'a> {
    lockout: Lockout<'a>,
    address: Option<&'a str>,
    limit: Limit,
    /// Whether the account had logged in from the client address before the attempt.
    is_known: bool,
    began_at: i64,
}

impl Context<'_> {
    /// Verifies the password of an account. Returns none for a wrong one, which is counted and written to the audit
    /// log as `rejection`.
    ///
    /// # Errors
    /// `rate_limited` if the client address or the account has to wait; `service_unavailable` if too many passwords
    /// are being hashed, or the store cannot be reached.
    pub(crate) fn check_password<'c>(
        &'c self,
        account: Account<'c>,
        password: &Password,
        rejection: Action,
    ) -> Result<Option<RightPassword<'c>>> {
        let store = self.database().store();
        let mut check = Check {
            lockout: Lockout::of(account.email, self.client_address()),
            address: self.client_address(),
            limit: self.settings().throttles.wrong_passwords(),
            is_known: false,
            began_at: self.now(),
        };
        if check.address.is_some() {
            store.read_rows(|rows| check.wait(rows, self.now()))?;
        }
        let mut permit = self.database().passwords().permit(check.address)?;
        if check.address.is_some() {
            store.write(|tx| check.begin(tx, self.now()))?;
        }
        match permit.is_right(password, account.user.map(|user| user.password.as_str())) {
            Ok(true) => Ok(Some(RightPassword { check, permit })),
            Ok(false) => {
                drop(permit);
                let rejected = Event::new(rejection);
                let rejected = match account.user {
                    Some(user) => rejected.about(&user.id),
                    None => rejected,
                };
                store.write(|tx| self.audit(tx, rejected))?;
                Ok(None)
            }
            Err(error) => {
                store.write(|tx| check.withdraw(tx))?;
                Err(error)
            }
        }
    }

    /// The PHC string of a new password, for a caller without a [`RightPassword`].
    ///
    /// # Errors
    /// `service_unavailable` if too many passwords are being hashed.
    pub(crate) fn hash_password(&self, password: &Password) -> Result<String> {
        self.database().passwords().permit(self.client_address())?.hash(password)
    }
}

impl<'a> RightPassword<'a> {
    /// The PHC string of a new password, hashed with the same permit.
    pub(crate) fn hash(&mut self, password: &Password) -> Result<String> {
        self.permit.hash(password)
    }

    /// Releases the permit, before a transaction that may wait for the disk.
    pub(crate) fn proven(self) -> ProvenPassword<'a> {
        ProvenPassword(self.check)
    }
}

impl ProvenPassword<'_> {
    /// Uncounts the failed attempt, and stores the client address as one that the account has logged in from.
    pub(crate) fn accept(&self, tx: &Tx<'_>, now: i64) -> Result<(), Failure> {
        self.0.withdraw_from_address(tx)?;
        self.0.lockout.succeed(tx, self.0.is_known, now)
    }
}

impl Check<'_> {
    /// # Errors
    /// `rate_limited` if the client address or the account has to wait.
    fn wait(&mut self, rows: &Rows<'_>, now: i64) -> Result<(), Failure> {
        let Some(address) = self.address else { return Ok(()) };
        self.is_known = self.lockout.is_known(rows)?;
        if !self.is_known {
            let failures = rows.password_failures(address, now, throttle::WINDOW_MS)?;
            if let Some(wait) = throttle::retry_after_ms(&failures, self.limit, now) {
                let message = "too many wrong passwords from this client address: wait and try again";
                return Err(throttle::too_many("credential", message, self.limit, wait).into());
            }
        }
        self.lockout.wait(rows, self.is_known, now)
    }

    /// Counts the attempt as failed, unless it has to wait.
    fn begin(&mut self, tx: &Tx<'_>, now: i64) -> Result<(), Failure> {
        self.wait(tx, now)?;
        self.began_at = now;
        if let Some(address) = self.address
            && !self.is_known
        {
            let max = self.limit.max_req();
            if !tx.count_password_failure(address, now, throttle::WINDOW_MS, max)? {
                // Other checks were counted meanwhile.
                self.wait(tx, now)?;
                return Err(Failure::Overtaken);
            }
        }
        self.lockout.count(tx, self.is_known, now)
    }

    /// Uncounts the attempt, because the password was not compared.
    fn withdraw(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        self.withdraw_from_address(tx)?;
        self.lockout.withdraw(tx, self.is_known)
    }

    fn withdraw_from_address(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        match self.address {
            Some(address) if !self.is_known => tx.uncount_password_failure(address, self.began_at),
            _ => Ok(()),
        }
    }
}
