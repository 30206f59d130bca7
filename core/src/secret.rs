//! Secrets, digests and randomness. Only this module hashes, compares or draws them.

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::{constant_time, digest, hmac, rand};
use zeroize::Zeroize;

use crate::error::{GatekeeperError, Result};

/// A secret text. `Debug` prints `[redacted]`, and the memory is zeroed on drop.
///
/// ```
/// let secret = gatekeeper::Secret::new("user_xxx");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(secret.expose(), "user_xxx");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A secret from a setting, without the line break at the end that a file or a shell may have added.
    ///
    /// ```
    /// assert_eq!(gatekeeper::Secret::of_setting("gkr_xxx\r\n").expose(), "gkr_xxx");
    /// ```
    #[must_use]
    pub fn of_setting(text: &str) -> Self {
        Self::new(text.trim_end_matches(['\n', '\r']))
    }

    /// The text itself. Show it to the user once; do not log or store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both texts are equal, in constant time for a given length.
    pub(crate) fn is_equal_to(&self, other: &Self) -> bool {
        are_equal(self.0.as_bytes(), other.0.as_bytes())
    }

    /// The SHA-256 of the text (FIPS 180-4): the only form in which it is stored.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A SHA-256 digest. It does not implement `==`: digests are looked up, not compared.
#[derive(Clone, Copy)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    #[allow(clippy::disallowed_methods, reason = "the only function that hashes")]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// The digest of stored bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as a key of a cache, which is not compared in constant time. That is safe: an attacker would only
    /// learn about the hash of their own guess.
    pub(crate) fn cache_key(&self) -> CacheKey {
        CacheKey(self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

/// A digest as a key of the in-process cache.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey([u8; 32]);

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Half of a SHA-256 is enough for a hash table. The hasher is keyed, so that a client cannot cause
        // collisions.
        let [first, second, ..] = self.0.as_chunks::<8>().0 else { return };
        state.write_u64(u64::from_le_bytes(*first) ^ u64::from_le_bytes(*second).rotate_left(32));
    }
}

impl Digest {
    /// The HMAC-SHA-256 of `message` with `key` (RFC 2104).
    pub(crate) fn keyed(key: &[u8; 32], message: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref());
        Self(out)
    }
}

/// Whether `tag` is the beginning of the HMAC-SHA-256 of `message` with `key`, in constant time.
pub(crate) fn is_tag(key: &[u8; 32], message: &[u8], tag: &[u8; 16]) -> bool {
    let [right @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = Digest::keyed(key, message).0;
    are_equal(&right, tag)
}

/// Whether both byte strings are equal, in constant time for a given length.
pub(crate) fn are_equal(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// Random bytes from AWS-LC's generator, which the operating system seeds.
///
/// # Errors
/// `internal` if there is no randomness.
#[allow(clippy::disallowed_methods, reason = "the only function that draws randomness")]
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(GatekeeperError::internal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new("gkr_canary");
        assert_eq!(format!("{secret:?} {secret}"), "[redacted] [redacted]");
        assert_eq!(format!("{:?}", secret.digest()), "[digest]");
    }

    #[test]
    fn a_digest_is_sha_256() {
        // The example of FIPS 180-4: "abc".
        let expected = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
            0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ];
        assert_eq!(Digest::of(b"abc").as_bytes(), &expected);
    }
}
