//! Secrets, their digests and randomness: hashed, compared and drawn here and nowhere else.

use std::fmt;
use std::hash::{Hash, Hasher};

use aws_lc_rs::{constant_time, digest, hmac, rand};
use zeroize::Zeroize;

use crate::error::{GatekeeperError, Result};

/// Text that never shows itself: `Debug` prints `[redacted]`, and the memory is zeroed when it is dropped.
///
/// ```
/// let secret = gatekeeper::Secret::new("user_xxx");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(secret.expose(), "user_xxx");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A secret as a setting holds it: without the line break at its end that a file or a shell left there.
    ///
    /// ```
    /// assert_eq!(gatekeeper::Secret::of_setting("gkr_xxx\r\n").expose(), "gkr_xxx");
    /// ```
    #[must_use]
    pub fn of_setting(text: &str) -> Self {
        Self::new(text.trim_end_matches(['\n', '\r']))
    }

    /// The text itself. Hand it to the user once; do not log or store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text; takes as long for any two of one length.
    pub(crate) fn is_equal_to(&self, other: &Self) -> bool {
        are_equal(self.0.as_bytes(), other.0.as_bytes())
    }

    /// SHA-256 of the text (FIPS 180-4): all that is ever stored.
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

/// A SHA-256 digest. It has no `==`: it is looked up, never compared.
#[derive(Clone, Copy)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    #[allow(clippy::disallowed_methods, reason = "the one place that hashes")]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// The digest that was stored as these bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as the key of a cache, which compares it in a time that does depend on it: there an
    /// attacker would learn no more than the hash of a guess of their own.
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
        // Half of a SHA-256 is as good as all of it; the hasher is keyed, so that keys cannot be aimed at one bucket.
        let [first, second, ..] = self.0.as_chunks::<8>().0 else { return };
        state.write_u64(u64::from_le_bytes(*first) ^ u64::from_le_bytes(*second).rotate_left(32));
    }
}

impl Digest {
    /// HMAC-SHA-256 of `message` under `key` (RFC 2104).
    pub(crate) fn keyed(key: &[u8; 32], message: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref());
        Self(out)
    }
}

/// Whether `tag` is the first bytes of HMAC-SHA-256 of `message` under `key`; takes the same time for every tag.
pub(crate) fn is_tag(key: &[u8; 32], message: &[u8], tag: &[u8; 16]) -> bool {
    let [right @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = Digest::keyed(key, message).0;
    are_equal(&right, tag)
}

/// Whether both are the same bytes; takes as long for any two of one length.
pub(crate) fn are_equal(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// Bytes from AWS-LC's generator, which the operating system seeds.
///
/// # Errors
/// `internal` where it has none to give.
#[allow(clippy::disallowed_methods, reason = "the one place that draws randomness")]
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
        // FIPS 180-4 example: "abc".
        let expected = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
            0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ];
        assert_eq!(Digest::of(b"abc").as_bytes(), &expected);
    }
}
