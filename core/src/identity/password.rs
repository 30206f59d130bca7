//! Passwords: argon2id on a bounded number of threads, so that a storm of logins leaves the machine to verification.

use std::process;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use unicode_normalization::UnicodeNormalization as _;

use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::fork::{Guards, lock};
use crate::secret::{Secret, random};

/// How many may wait for their turn; the next is told to come back.
const MOST_WAITING: usize = 64;
/// Seconds after which a caller who was sent away may try again.
const COME_BACK_S: u32 = 2;

/// The most common passwords, in lower case and sorted, one a line.
const COMMON: &str = include_str!("common_passwords.txt");

/// Hashes and compares passwords: at most one in two processors is at it at any time.
pub(crate) struct Passwords {
    at_work: Mutex<AtWork>,
    freed: Condvar,
    most_at_once: usize,
}

#[derive(Default)]
struct AtWork {
    /// The process whose threads these are: a child has none of its parent's.
    process: u32,
    busy: usize,
    waiting: usize,
}

/// Checks a new password: 8 to 128 characters of any kind, none of the most common.
///
/// # Errors
/// `bad_request`.
pub(crate) fn check_password(field: &str, password: &Secret) -> Result<()> {
    let normal = normal(password)?;
    let length = normal.expose().chars().count();
    if !(8..=128).contains(&length) {
        return Err(GatekeeperError::bad_request(format!(
            "{field} must be 8 to 128 characters, not {length}"
        )));
    }
    let lower = Secret::new(normal.expose().to_lowercase());
    if COMMON.lines().any(|common| common == lower.expose()) {
        return Err(GatekeeperError::bad_request(format!(
            "{field} is one of the most common passwords: choose another"
        )));
    }
    Ok(())
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self { at_work: Mutex::default(), freed: Condvar::new(), most_at_once: (processors / 2).max(1) }
    }

    /// A PHC string of `password`, with argon2's defaults: 19 MiB, two passes, one lane (RFC 9106).
    ///
    /// # Errors
    /// `service_unavailable` where too many are waiting already.
    pub(crate) fn hash(&self, password: &Secret) -> Result<String> {
        let salt: [u8; 16] = random()?;
        let password = normal(password)?;
        let _turn = self.turn()?;
        let hash = Argon2::default()
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map_err(|error| GatekeeperError::internal(error.to_string()))?;
        Ok(hash.to_string())
    }

    /// Whether `password` is the one behind `stored`; takes as long where nothing is stored.
    ///
    /// # Errors
    /// `service_unavailable` where too many are waiting already.
    pub(crate) fn is_right(&self, password: &Secret, stored: Option<&str>) -> Result<bool> {
        let Some(stored) = stored else {
            self.hash(password)?;
            return Ok(false);
        };
        let password = normal(password)?;
        let stored =
            PasswordHash::new(stored).map_err(|error| GatekeeperError::internal(error.to_string()))?;
        let _turn = self.turn()?;
        Ok(Argon2::default().verify_password(password.expose().as_bytes(), &stored).is_ok())
    }

    fn turn(&self) -> Result<Turn<'_>> {
        let mut at_work = lock(&self.at_work);
        if at_work.process != process::id() {
            *at_work = AtWork { process: process::id(), ..AtWork::default() };
        }
        if at_work.busy >= self.most_at_once {
            if at_work.waiting >= MOST_WAITING {
                let message = "too many logins at once: try again in a moment";
                return Err(GatekeeperError::new(ErrorKind::Busy, message).after(COME_BACK_S));
            }
            at_work.waiting += 1;
            while at_work.busy >= self.most_at_once {
                at_work = self.freed.wait(at_work).unwrap_or_else(PoisonError::into_inner);
            }
            at_work.waiting -= 1;
        }
        at_work.busy += 1;
        Ok(Turn(self))
    }

    /// Holds the lock over a fork.
    pub(crate) fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        guards.push(Box::new(lock(&self.at_work)));
    }
}

/// The right to hash, given back when it is dropped.
struct Turn<'a>(&'a Passwords);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.0.at_work).busy -= 1;
        self.0.freed.notify_one();
    }
}

/// The password in NFC, as every keyboard would send it. One too long to be any is cut short before it costs time.
fn normal(password: &Secret) -> Result<Secret> {
    if password.expose().len() > 4096 {
        return Err(GatekeeperError::bad_request("password must not be longer than 128 characters"));
    }
    Ok(Secret::new(password.expose().nfc().collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_in_every_unicode_form_and_otherwise_wrong() {
        let passwords = Passwords::new();
        let hash = passwords.hash(&Secret::new("hunter2pass\u{e9}")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.is_right(&Secret::new("hunter2passe\u{301}"), Some(&hash)).unwrap());
        assert!(!passwords.is_right(&Secret::new("hunter2pass"), Some(&hash)).unwrap());
        assert!(!passwords.is_right(&Secret::new("hunter2pass"), None).unwrap());
    }

    #[test]
    fn who_finds_no_room_to_wait_is_told_to_come_back_and_that_nothing_was_done() {
        let passwords = Passwords::new();
        *lock(&passwords.at_work) =
            AtWork { process: process::id(), busy: passwords.most_at_once, waiting: MOST_WAITING };
        let refused = passwords.hash(&Secret::new("hunter2pass")).unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::Busy, Some(COME_BACK_S)));
    }

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        for bad in ["", "1234567", "password", "PassWord", "qwertyuiop", &"a".repeat(129)] {
            assert!(check_password("password", &Secret::new(bad)).is_err(), "{bad:?}");
        }
        for good in [
            "hunter2pass",
            "\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}",
            &"x y".repeat(42),
        ] {
            assert!(check_password("password", &Secret::new(good)).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn the_list_of_common_passwords_is_in_lower_case_and_long_enough_to_matter() {
        assert!(
            COMMON
                .lines()
                .all(|line| line.to_lowercase() == line && (8..=128).contains(&line.chars().count()))
        );
        assert!(COMMON.lines().count() >= 1000);
    }
}
