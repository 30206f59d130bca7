//! The name of a slot: a keyed 128-bit hash over endpoint, key id and variables, each with its length.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::id::KeyId;

/// The name of a slot, in which requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotName {
    high: u64,
    low: u64,
}

impl SlotName {
    /// Names a slot, keyed by a secret, so that a client cannot find two slots with the same name.
    pub(crate) fn new<V: AsRef<str>>(secret: &[u8; 16], endpoint: &str, key: KeyId, variables: &[V]) -> Self {
        let mut hasher = SipHasher13::new_with_key(secret);
        write_part(&mut hasher, endpoint.as_bytes());
        hasher.write_u128(key.bits());
        for variable in variables {
            write_part(&mut hasher, variable.as_ref().as_bytes());
        }
        let (high, low) = hasher.finish128().as_u64();
        Self { high, low }
    }

    pub(super) fn high(self) -> u64 {
        self.high
    }

    pub(super) fn low(self) -> u64 {
        self.low
    }

    pub(super) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.high) << 64 | u128::from(self.low)).to_be_bytes()
    }
}

#[cfg(test)]
impl From<u128> for SlotName {
    #[allow(clippy::cast_possible_truncation, reason = "halves")]
    fn from(name: u128) -> Self {
        Self { high: (name >> 64) as u64, low: name as u64 }
    }
}

fn write_part(hasher: &mut SipHasher13, part: &[u8]) {
    hasher.write_usize(part.len());
    hasher.write(part);
}
