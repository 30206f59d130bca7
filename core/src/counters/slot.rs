//! The name of a slot: a keyed 128-bit hash over (endpoint, key id, variables), each part of its own length with that length.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::error::Result;
use crate::id::KeyId;
use crate::secret::random;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotName {
    high: u64,
    low: u64,
}

impl SlotName {
    pub(super) fn high(self) -> u64 {
        self.high
    }

    pub(super) fn low(self) -> u64 {
        self.low
    }
}

/// Names slots under a secret key, so that nobody can aim two slots at one name.
#[derive(Clone)]
pub(crate) struct SlotNamer(SipHasher13);

/// A namer that has taken in an endpoint's name.
#[derive(Clone)]
pub(crate) struct EndpointNamer(SipHasher13);

impl SlotNamer {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(SipHasher13::new_with_key(&random()?)))
    }

    pub(crate) fn endpoint(&self, name: &str) -> EndpointNamer {
        let mut hasher = self.0;
        write_part(&mut hasher, name.as_bytes());
        EndpointNamer(hasher)
    }
}

impl EndpointNamer {
    pub(crate) fn slot<V: AsRef<str>>(&self, key: KeyId, variables: &[V]) -> SlotName {
        let mut hasher = self.0;
        hasher.write_u128(key.bits());
        for variable in variables {
            write_part(&mut hasher, variable.as_ref().as_bytes());
        }
        let (high, low) = hasher.finish128().as_u64();
        SlotName { high, low }
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
