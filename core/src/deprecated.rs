//! Former names of public types. They work in this version, and are removed in the next.

use crate::{CacheStats, CredentialCache, LenientKeyId, OperationDescriptor, Throttle, VerdictCounters};

/// The former name of [`CacheStats`].
#[deprecated(note = "renamed to `CacheStats`")]
pub type Remembering = CacheStats;

/// The former name of [`VerdictCounters`].
#[deprecated(note = "renamed to `VerdictCounters`")]
pub type Decisions = VerdictCounters;

/// The former name of [`CredentialCache`].
#[deprecated(note = "renamed to `CredentialCache`")]
pub type Callers = CredentialCache;

/// The former name of [`OperationDescriptor`].
#[deprecated(note = "renamed to `OperationDescriptor`")]
pub type Entry = OperationDescriptor;

/// The former name of [`LenientKeyId`].
#[deprecated(note = "renamed to `LenientKeyId`")]
pub type GivenId = LenientKeyId;

/// The former name of [`Throttle`].
#[deprecated(note = "renamed to `Throttle`")]
pub type Tier = Throttle;
