//! The version counters in memory: private to this process, or mapped from a file by every process.

#![allow(unsafe_code, reason = "a file mapped into memory")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::slice;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};

use super::header;
use super::version_counters::{self, COUNTERS};

pub(crate) enum Map {
    Own(Box<[AtomicU64]>),
    File(MmapRaw),
}

impl Map {
    pub(super) fn in_memory() -> Self {
        Self::Own((0..COUNTERS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Maps the version counters of `file`. The file is never truncated: a new segment gets a new file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        if !version_counters::are_whole(file)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = header::LENGTH + COUNTERS * size_of::<u64>();
        Ok(Self::File(MmapOptions::new().len(length).map_raw(file)?))
    }
}

impl Deref for Map {
    type Target = [AtomicU64];

    #[allow(clippy::cast_ptr_alignment, reason = "the header is a page long")]
    fn deref(&self) -> &[AtomicU64] {
        match self {
            Self::Own(version_counters) => version_counters,
            // SAFETY: the map is a page of header followed by the counters, so they are aligned, and it lives as
            // long as `self`. Every process accesses them as atomics, and any bits are a valid u64.
            Self::File(map) => unsafe {
                slice::from_raw_parts(map.as_ptr().add(header::LENGTH).cast::<AtomicU64>(), COUNTERS)
            },
        }
    }
}
