//! Typed ids: a prefix that names the kind and 26 base32 characters (`TypeID` 0.3).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Clock;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::secret::random;

/// Crockford's base32 in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LEN: usize = 26;

/// The kind of object that an id identifies.
pub trait Kind {
    /// The three letters before the underscore.
    const PREFIX: &'static str;
    /// The name of the kind in messages.
    const NOUN: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $id:ident => $prefix:literal, $noun:literal;)*) => {$(
        #[doc = concat!("The kind of the id of a ", $noun, ".")]
        #[derive(Debug)]
        pub enum $kind {}

        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
            const NOUN: &'static str = $noun;
        }

        $(#[$doc])*
        pub type $id = Id<$kind>;
    )*};
}

kinds! {
    /// `key_…`: the id of an API key, which rotations do not change.
    Key, KeyId => "key", "key";
    /// `tnt_…`: the id of a tenant.
    Tenant, TenantId => "tnt", "tenant";
    /// `usr_…`: the id of a user.
    User, UserId => "usr", "user";
    /// `ses_…`: the id of a session, which is one family of refresh tokens.
    Session, SessionId => "ses", "session";
    /// `evt_…`: the id of a usage event.
    Event, EventId => "evt", "event";
    /// `aud_…`: the id of an audit event.
    Audit, AuditId => "aud", "audit event";
    /// `req_…`: the id of a request to a server.
    Request, RequestId => "req", "request";
}

impl RequestId {
    /// A new id, for a request without one.
    ///
    /// # Errors
    /// `internal` if the system has no randomness.
    pub fn new() -> Result<Self> {
        Self::generate(&Clock::System)
    }
}

/// An id of one kind: 128 bits, generated as a `UUIDv7` (RFC 9562 §5.7). Any 128 bits can be parsed.
///
/// ```
/// use gatekeeper::KeyId;
/// let id: KeyId = "key_01jdx0x3v0f7zsn8f4k3m9qz5r".parse()?;
/// assert_eq!(id.to_string(), "key_01jdx0x3v0f7zsn8f4k3m9qz5r");
/// assert!("tnt_01jdx0x3v0f7zsn8f4k3m9qz5r".parse::<KeyId>().is_err());
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
pub struct Id<K> {
    bits: u128,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Id<K> {
    /// A new id of the current time. It sorts after every id that this process generated before.
    pub(crate) fn generate(clock: &Clock) -> Result<Self> {
        let (tick, noise) = (u128::from(clock.tick()), u128::from(u64::from_be_bytes(random()?)));
        // RFC 9562 §5.7: 48 bits of time, version 7, 12 bits of a counter (§6.2, method 1), variant 0b10, 62 random
        // bits.
        let (ms, count) = (tick >> 12, tick & 0xfff);
        Ok(Self::from_bits((ms << 80) | (7 << 76) | (count << 64) | (0b10 << 62) | (noise >> 2)))
    }

    /// The smallest id of this Unix time in ms: every id of this time or later is at least this one.
    pub(crate) fn first_of(unix_ms: i64) -> Self {
        Self::from_bits(u128::from(u64::try_from(unix_ms).unwrap_or(0)) << 80)
    }

    pub(crate) const fn from_bits(bits: u128) -> Self {
        Self { bits, kind: PhantomData }
    }

    pub(crate) const fn bits(self) -> u128 {
        self.bits
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = GatekeeperError;

    fn from_str(text: &str) -> Result<Self> {
        parse(K::PREFIX, text).map(Self::from_bits).ok_or_else(|| {
            GatekeeperError::new(ErrorKind::InvalidId, format!("id must be {}", expected::<K>()))
        })
    }
}

/// What an id of this kind is, for messages.
fn expected<K: Kind>() -> String {
    let (noun, prefix) = (K::NOUN, K::PREFIX);
    format!("a {noun} id: \"{prefix}_\" and {SUFFIX_LEN} lower-case base32 characters")
}

fn parse(prefix: &str, text: &str) -> Option<u128> {
    let suffix = text.strip_prefix(prefix)?.strip_prefix('_')?.as_bytes();
    // 26 characters have 130 bits: the first one may use only three of its five.
    if suffix.len() != SUFFIX_LEN || suffix.first()? > &b'7' {
        return None;
    }
    suffix.iter().try_fold(0, |bits: u128, character| {
        let digit = ALPHABET.iter().position(|known| known == character)?;
        Some((bits << 5) | digit as u128)
    })
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut suffix = [0; SUFFIX_LEN];
        let mut rest = self.bits;
        for digit in suffix.iter_mut().rev() {
            *digit = ALPHABET.get((rest & 31) as usize).copied().unwrap_or_default();
            rest >>= 5;
        }
        f.write_str(K::PREFIX)?;
        f.write_str("_")?;
        f.write_str(std::str::from_utf8(&suffix).map_err(|_| fmt::Error)?)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdOf(PhantomData))
    }
}

/// Parses the text of an id.
struct IdOf<K>(PhantomData<K>);

impl<K: Kind> Visitor<'_> for IdOf<K> {
    type Value = Id<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&expected::<K>())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<K>, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Other("another text"), &self))
    }
}

#[cfg(feature = "schema")]
impl<K: Kind> schemars::JsonSchema for Id<K> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}Id", K::PREFIX).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let pattern = format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", K::PREFIX);
        schemars::json_schema!({ "type": "string", "pattern": pattern })
    }
}

// Derived implementations would require them of `K` too.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bits.cmp(&other.bits)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nil_and_the_maximum_id_are_formatted_as_specified() {
        assert_eq!(KeyId::from_bits(0).to_string(), "key_00000000000000000000000000");
        assert_eq!(KeyId::from_bits(u128::MAX).to_string(), "key_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        // The specification's valid test vector of a UUIDv7.
        assert_eq!(
            TenantId::from_bits(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057).to_string(),
            "tnt_01h455vb4pex5vsknk084sn02q"
        );
    }

    #[test]
    fn a_drawn_id_is_a_uuid_of_version_7() {
        let bits = KeyId::generate(&Clock::System).unwrap().bits();
        assert_eq!((bits >> 76) & 0xf, 7);
        assert_eq!((bits >> 62) & 0b11, 0b10);
    }

    #[test]
    fn later_ids_sort_after_earlier_ones_within_a_millisecond_too() {
        let ids: Vec<_> = (0..10_000).map(|_| KeyId::generate(&Clock::System).unwrap()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        let ahead = crate::clock::ManualClock::new();
        ahead.advance(3_600_000);
        let later = KeyId::generate(&Clock::Manual(ahead)).unwrap();
        assert!(KeyId::generate(&Clock::System).unwrap() < later, "each clock has its own time");
    }

    #[test]
    fn a_text_that_is_not_an_id_of_this_kind_is_rejected() {
        for text in [
            "",
            "key",
            "key_",
            "key_0000000000000000000000000",
            "key_000000000000000000000000000",
            "key_80000000000000000000000000",
            "key_0000000000000000000000000O",
            "key_0000000000000000000000000A",
            "KEY_00000000000000000000000000",
            "tnt_00000000000000000000000000",
            "key_0000000000000000000000000é",
        ] {
            assert_eq!(text.parse::<KeyId>().unwrap_err().kind(), ErrorKind::InvalidId, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_128_bits_round_trip(bits: u128) {
            let id = KeyId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse::<KeyId>().unwrap(), id);
        }
    }
}
