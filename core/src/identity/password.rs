//! Passwords: argon2id on a bounded number of threads, so that many logins at once do not slow down verifications.

mod memory;
mod queue;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization as _;

use crate::error::{GatekeeperError, Result};
use crate::fork::ForkGuards;
use crate::secret::{Secret, are_equal, random};
use memory::Memory;
use queue::HashQueue;

/// The most common passwords, in lower case and sorted, one per line.
const COMMON: &str = include_str!("common_passwords.txt");
/// The maximum size of a password to verify, in bytes: more than any 128 characters have.
const MAX_BYTES: usize = 4096;

/// Hashes and compares passwords, at most one per two processors at any time.
pub(crate) struct Passwords {
    queue: HashQueue,
}

/// A password in Unicode NFC, so that it does not depend on the keyboard.
#[derive(Debug)]
pub(crate) struct Password(Secret);

/// A permit to hash, with the memory for it. It is released when dropped.
pub(crate) struct HashPermit<'a> {
    queue: &'a HashQueue,
    memory: Memory,
}

impl Password {
    /// A new password: 8 to 128 characters of any kind, not one of the most common.
    ///
    /// # Errors
    /// `bad_request` that names the field.
    pub(crate) fn parse_new(field: &str, password: &Secret) -> Result<Self> {
        let password = Self::parse(field, password)?;
        let text = password.0.expose();
        let length = text.chars().count();
        if !(8..=128).contains(&length) {
            return Err(GatekeeperError::bad_request(format!(
                "{field} must be 8 to 128 characters, not {length}"
            )));
        }
        let lower = Secret::new(text.to_lowercase());
        if COMMON.lines().any(|common| common == lower.expose()) {
            return Err(GatekeeperError::bad_request(format!(
                "{field} is one of the most common passwords: choose another"
            )));
        }
        Ok(password)
    }

    /// The password in this field of a request.
    ///
    /// # Errors
    /// `bad_request` for one that is longer than any valid password, before hashing it costs time.
    pub(crate) fn parse(field: &str, password: &Secret) -> Result<Self> {
        if password.expose().len() > MAX_BYTES {
            return Err(GatekeeperError::bad_request(format!(
                "{field} must not be longer than {MAX_BYTES} bytes"
            )));
        }
        Ok(Self(Secret::new(password.expose().nfc().collect::<String>())))
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { queue: HashQueue::new() }
    }

    /// Waits for a permit to hash, for a caller from `address`. Client addresses get permits in turn, so that many
    /// callers from one address do not delay those from others.
    ///
    /// # Errors
    /// `service_unavailable` if too many callers are waiting. Nothing was done then.
    pub(crate) fn permit(&self, address: Option<&str>) -> Result<HashPermit<'_>> {
        Ok(HashPermit { memory: self.queue.acquire(address)?, queue: &self.queue })
    }

    /// Holds the lock during a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        self.queue.quiesce(guards);
    }
}

impl HashPermit<'_> {
    /// A PHC string of `password`, with argon2's defaults: 19 MiB, two passes, one lane (RFC 9106).
    pub(crate) fn hash(&mut self, password: &Password) -> Result<String> {
        let salt = Salt::new(&random::<16>()?).map_err(internal)?;
        let params = Params::default();
        let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
        self.fill(&Argon2::from(&params), password, &salt, &mut hash)?;
        let phc = PasswordHash {
            algorithm: Algorithm::default().ident(),
            version: Some(Version::default().into()),
            params: ParamsString::try_from(&params).map_err(internal)?,
            salt: Some(salt),
            hash: Some(Output::new(&hash).map_err(internal)?),
        };
        Ok(phc.to_string())
    }

    /// Whether `password` matches `stored`, a PHC string. Takes the same time if nothing is stored.
    pub(crate) fn is_right(&mut self, password: &Password, stored: Option<&str>) -> Result<bool> {
        let Some(stored) = stored else {
            self.hash(password)?;
            return Ok(false);
        };
        let stored = PasswordHash::new(stored).map_err(internal)?;
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
            return Err(GatekeeperError::internal("a stored password has no salt or no hash"));
        };
        let algorithm = stored.algorithm.as_str().parse::<Algorithm>().map_err(internal)?;
        let version = stored.version.map(Version::try_from).transpose().map_err(internal)?;
        let params = Params::try_from(&stored).map_err(internal)?;
        let mut hash = [0; Output::MAX_LENGTH];
        let hash = hash.get_mut(..expected.len()).ok_or_else(|| internal("a stored hash is too long"))?;
        self.fill(&Argon2::new(algorithm, version.unwrap_or_default(), params), password, &salt, hash)?;
        Ok(are_equal(hash, expected.as_bytes()))
    }

    fn fill(&mut self, argon2: &Argon2<'_>, password: &Password, salt: &Salt, hash: &mut [u8]) -> Result<()> {
        let memory = self.memory.blocks(argon2.params().block_count())?;
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, hash, memory).map_err(internal)
    }
}

impl Drop for HashPermit<'_> {
    fn drop(&mut self) {
        self.queue.release(std::mem::take(&mut self.memory));
    }
}

fn internal(error: impl std::fmt::Display) -> GatekeeperError {
    GatekeeperError::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse("password", &Secret::new(text)).unwrap()
    }

    #[test]
    fn a_password_is_right_in_every_unicode_form_and_otherwise_wrong() {
        let passwords = Passwords::new();
        let mut permit = passwords.permit(None).unwrap();
        let hash = permit.hash(&password("hunter2pass\u{e9}")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(permit.is_right(&password("hunter2passe\u{301}"), Some(&hash)).unwrap());
        assert!(!permit.is_right(&password("hunter2pass"), Some(&hash)).unwrap());
        assert!(!permit.is_right(&password("hunter2pass"), None).unwrap());
    }

    #[test]
    fn a_hash_does_not_depend_on_what_its_memory_was_used_for_before() {
        // Of "password" and "somesalt", as the reference implementation has them: argon2 1.3, other costs than ours.
        let stored = [
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        ];
        let passwords = Passwords::new();
        for _ in 0..2 {
            let mut permit = passwords.permit(None).unwrap();
            for stored in stored {
                assert!(permit.is_right(&password("password"), Some(stored)).unwrap(), "{stored}");
                assert!(!permit.is_right(&password("passwort"), Some(stored)).unwrap(), "{stored}");
            }
        }
    }

    #[test]
    fn a_stored_text_that_is_not_a_hash_is_an_error_and_matches_nothing() {
        let passwords = Passwords::new();
        let mut permit = passwords.permit(None).unwrap();
        for stored in ["", "hunter2pass", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ", "$5$c29tZXNhbHQ$AAAA"]
        {
            assert!(permit.is_right(&password("hunter2pass"), Some(stored)).is_err(), "{stored}");
        }
    }

    #[test]
    fn short_long_and_common_passwords_are_rejected() {
        for bad in ["", "1234567", "password", "PassWord", "qwertyuiop", &"a".repeat(129)] {
            assert!(Password::parse_new("password", &Secret::new(bad)).is_err(), "{bad:?}");
        }
        for good in [
            "hunter2pass",
            "\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}\u{1f98a}",
            &"x y".repeat(42),
        ] {
            assert!(Password::parse_new("password", &Secret::new(good)).is_ok(), "{good:?}");
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
