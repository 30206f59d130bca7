//! The words in memory: of this process, or of a file that every process maps.

#![allow(unsafe_code, reason = "a file mapped into memory")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::slice;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};

use super::header;
use super::version_counters::{self, WORDS};

pub(crate) enum Map {
    Own(Box<[AtomicU64]>),
    File(MmapRaw),
}

impl Map {
    pub(super) fn in_memory() -> Self {
        Self::Own((0..WORDS).map(|_| AtomicU64::new(0)).collect())
    }

    /// The words of `file`. It is never cut short: whoever makes it anew makes another file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        if !version_counters::are_whole(file)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = header::LENGTH + WORDS * size_of::<u64>();
        Ok(Self::File(MmapOptions::new().len(length).map_raw(file)?))
    }
}

impl Deref for Map {
    type Target = [AtomicU64];

    #[allow(clippy::cast_ptr_alignment, reason = "the header is a page long")]
    fn deref(&self) -> &[AtomicU64] {
        match self {
            Self::Own(version_counters) => version_counters,
            // SAFETY: the map is a page of header and then the words, so they are aligned; it lives as long as `self`.
            // Every process uses them as atomics, and any bits are a u64.
            Self::File(map) => unsafe {
                slice::from_raw_parts(map.as_ptr().add(header::LENGTH).cast::<AtomicU64>(), WORDS)
            },
        }
    }
}
