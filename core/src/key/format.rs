//! The format of a key: `<prefix>_<28 base58 characters><6 check characters>`, at most 99 bytes, and at most 51 if
//! `keys.create` made it.
//!
//! The check is the CRC-32/ISO-HDLC of everything before it, as a big-endian base58 number padded with `1`: a
//! mistyped key is rejected without a look-up. The prefix ends at the last `_`.

use crate::error::{GatekeeperError, Result};
use crate::secret::{Secret, random};

/// Bitcoin's base58: no `0`, `O`, `I` or `l`.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const SECRET_LEN: usize = 28;
const CHECK_LEN: usize = 6;
const BODY_LEN: usize = SECRET_LEN + CHECK_LEN;
/// The longest prefix that `keys.create` accepts.
const MAX_PREFIX: usize = 16;
/// The longest prefix that the key manager accepts.
const MAX_WIDE_PREFIX: usize = 64;
/// The reserved prefixes: these keys act for a tenant or for the platform, and never for a user.
const RESERVED: [&str; 2] = [ROOT, "gkp"];
const ROOT: &str = "gkr";

/// For each byte, whether it is in the alphabet.
const IN_ALPHABET: [bool; 256] = table_of(ALPHABET);
/// For each byte, whether it can be in a prefix: the characters of a `Bearer` credential except `/` and `=`.
const IN_WIDE_PREFIX: [bool; 256] =
    table_of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+-");

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn table_of(characters: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut index = 0;
    while index < characters.len() {
        table[characters[index] as usize] = true;
        index += 1;
    }
    table
}

/// The prefix of a user's key. It is not reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// Checks a prefix for `keys.create`: 1 to 16 of `[A-Za-z0-9_-]`, with a letter or digit at both ends.
    pub(crate) fn new(text: String) -> Result<Self> {
        if !is_prefix(text.as_bytes()) {
            return Err(GatekeeperError::bad_request(
                "prefix must be 1 to 16 characters of A-Z, a-z, 0-9, _ and -, with a letter or digit at both ends",
            ));
        }
        Self::unreserved(text)
    }

    /// Checks a prefix for the key manager: 1 to 64 of `[A-Za-z0-9._~+-]`.
    pub(crate) fn wide(text: String) -> Result<Self> {
        if !is_wide_prefix(text.as_bytes()) {
            return Err(GatekeeperError::bad_request(
                "prefix must be 1 to 64 characters of A-Z, a-z, 0-9, ., _, ~, + and -",
            ));
        }
        Self::unreserved(text)
    }

    fn unreserved(text: String) -> Result<Self> {
        if is_reserved(&text) {
            return Err(GatekeeperError::bad_request(
                "prefix is reserved: it must not be gkr or gkp, nor begin with gkr_ or gkp_",
            ));
        }
        Ok(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Generates a user key: 28 unbiased random characters, 164 bits.
pub(crate) fn generate(prefix: &Prefix) -> Result<Secret> {
    generate_under(&prefix.0)
}

/// Generates a root key.
pub(crate) fn generate_root() -> Result<Secret> {
    generate_under(ROOT)
}

fn generate_under(prefix: &str) -> Result<Secret> {
    // The largest multiple of 58 in a byte: bytes at or above it would favor the first characters.
    const UNBIASED: u8 = 232;
    let mut key = String::with_capacity(prefix.len() + 1 + BODY_LEN);
    key.push_str(prefix);
    key.push('_');
    let full = key.len() + SECRET_LEN;
    while key.len() < full {
        for byte in random::<32>()?.into_iter().filter(|byte| *byte < UNBIASED) {
            if let Some(letter) = ALPHABET.get(usize::from(byte % 58))
                && key.len() < full
            {
                key.push(char::from(*letter));
            }
        }
    }
    let check = check_of(key.as_bytes());
    key.extend(check.iter().copied().map(char::from));
    Ok(Secret::new(key))
}

/// The prefix of `key`, if its shape and check are right. Whether the key exists is not checked.
pub(crate) fn well_formed(key: &str) -> Option<&str> {
    let bytes = key.as_bytes();
    let body_at = bytes.len().checked_sub(BODY_LEN)?;
    let prefix_len = body_at.checked_sub(1)?;
    if prefix_len > MAX_WIDE_PREFIX {
        return None;
    }
    let (head, body) = bytes.split_at_checked(body_at)?;
    let (prefix, separator) = head.split_at_checked(prefix_len)?;
    let (secret, check) = body.split_at_checked(SECRET_LEN)?;
    let whole = separator == b"_"
        && is_wide_prefix(prefix)
        && all_in(&IN_ALPHABET, secret)
        && check_of(bytes.get(..body_at + SECRET_LEN)?) == *check;
    if whole { key.get(..prefix_len) } else { None }
}

/// Whether this prefix is reserved.
pub(crate) fn is_reserved(prefix: &str) -> bool {
    RESERVED.iter().any(|reserved| match prefix.strip_prefix(reserved) {
        Some(rest) => rest.is_empty() || rest.starts_with('_'),
        None => false,
    })
}

/// Whether `key` has the shape of a root key.
pub(crate) fn is_root(key: &str) -> bool {
    well_formed(key) == Some(ROOT)
}

fn is_prefix(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= MAX_PREFIX
        && first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_wide_prefix(bytes: &[u8]) -> bool {
    (1..=MAX_WIDE_PREFIX).contains(&bytes.len()) && all_in(&IN_WIDE_PREFIX, bytes)
}

fn all_in(table: &[bool; 256], bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| table.get(usize::from(*byte)).is_some_and(|known| *known))
}

fn check_of(bytes: &[u8]) -> [u8; CHECK_LEN] {
    let mut rest = crc32fast::hash(bytes);
    let mut check = [0; CHECK_LEN];
    for digit in check.iter_mut().rev() {
        *digit = ALPHABET.get((rest % 58) as usize).copied().unwrap_or_default();
        rest /= 58;
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn a_generated_key_is_well_formed_and_unique() {
        let prefix = Prefix::new("gk_live".to_owned()).unwrap();
        let keys: Vec<_> = (0..1000).map(|_| generate(&prefix).unwrap()).collect();
        for key in &keys {
            assert_eq!(well_formed(key.expose()), Some("gk_live"));
        }
        assert_eq!(keys.iter().map(Secret::expose).collect::<std::collections::HashSet<_>>().len(), 1000);
    }

    #[test]
    fn every_character_is_generated_equally_often() {
        let prefix = Prefix::new("a".to_owned()).unwrap();
        let mut seen = HashMap::new();
        for _ in 0..10_000 {
            for character in generate(&prefix).unwrap().expose()[2..2 + SECRET_LEN].chars() {
                *seen.entry(character).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), 58);
        // 280,000 draws over 58 characters: 4,828 each, standard deviation 69; six deviations never happen by
        // chance.
        assert!(seen.values().all(|count| (4828_i32 - count).abs() < 6 * 69), "{seen:?}");
    }

    #[test]
    fn the_key_manager_accepts_more_prefixes_and_rejects_the_same_reserved_ones() {
        let longest = "a".repeat(64);
        for good in ["k.e~y+1-", "_user", "user_", "-", ".", "sk_live_eu.v2", &longest, "gkrx", "gkp.x"] {
            let key = generate(&Prefix::wide(good.to_owned()).unwrap()).unwrap();
            assert_eq!(well_formed(key.expose()), Some(good));
        }
        let too_long = "a".repeat(65);
        for bad in ["", "a b", "é", "a\0", "a/b", "a=b", &too_long, "gkr", "gkp", "gkr_x", "gkp_", "gkp_1"] {
            assert!(Prefix::wide(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn prefixes_out_of_range_or_reserved_are_rejected() {
        for bad in [
            "",
            "_a",
            "a_",
            "-a",
            "a-",
            "a b",
            "é",
            "abcdefghijklmnopq",
            "a\0",
            "gkr",
            "gkp",
            "gkr_x",
            "gkp_1",
        ] {
            assert!(Prefix::new(bad.to_owned()).is_err(), "{bad:?}");
        }
        for good in ["a", "0", "gk_live", "gkrx", "gkpx_y", "a--b", "abcdefghijklmnop"] {
            assert!(Prefix::new(good.to_owned()).is_ok(), "{good:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            well_formed(&text);
        }

        #[test]
        fn one_changed_byte_is_always_rejected(at in 0_usize..42, to in 1_u8..128) {
            let key = "gk_live_uLxNLgBs31ptkBuuCR5p2PFQQKkq6sM9Qn";
            let mut changed = key.as_bytes().to_vec();
            prop_assume!(changed[at] != to);
            changed[at] = to;
            prop_assert_eq!(well_formed(std::str::from_utf8(&changed).unwrap()), None);
        }
    }
}
