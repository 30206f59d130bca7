//! The header of the version counters' file: its boot, its format, the processes that may use it, and the key of
//! slot names.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};

use super::error::SegmentError;
use crate::secret::random;

/// The length of the header. The version counters follow.
pub(super) const LENGTH: usize = 4096;
/// The version of the format of the version counters, the counters' file and its slots. A change that other versions
/// cannot read increases it.
const FORMAT: u32 = 3;

/// The header, as JSON padded with spaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    machine: Machine,
    /// The process namespace. Only processes of one namespace can share the file: a lock whose holder died is
    /// recovered by its process id.
    process_namespace: u64,
    /// The number in the name of the counters' file.
    pub(super) segment: u64,
    /// The key under which slots are named.
    pub(super) slot_key: [u8; 16],
}

/// The boot of the machine and the time namespace of its boot clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Machine {
    boot: String,
    time_namespace: u64,
}

impl Header {
    /// A header of a new segment, for this boot.
    pub(super) fn new() -> Result<Self, SegmentError> {
        Ok(Self {
            format: FORMAT,
            machine: Machine::this()?,
            process_namespace: namespace("pid")?,
            segment: u64::from_le_bytes(random()?),
            slot_key: random()?,
        })
    }

    /// The header of `file`; none if it is not of this format and this boot, or if the file is truncated.
    pub(super) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut page = [0; LENGTH];
        match file.read_exact_at(&mut page, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let (header, machine): (Option<Self>, _) = (serde_json::from_slice(&page).ok(), Machine::this()?);
        Ok(header.filter(|header| header.format == FORMAT && header.machine == machine))
    }

    pub(super) fn write(&self, file: &File) -> io::Result<()> {
        let mut page = serde_json::to_vec(self)?;
        page.resize(LENGTH, b' ');
        file.write_all_at(&page, 0)
    }

    /// Whether this process can share locks with the processes for which the file was created.
    pub(super) fn is_for_this_process(&self) -> io::Result<bool> {
        Ok(self.process_namespace == namespace("pid")?)
    }

    pub(super) fn for_this_process(self) -> io::Result<Self> {
        Ok(self.in_process_namespace(namespace("pid")?))
    }

    pub(super) fn in_process_namespace(self, process_namespace: u64) -> Self {
        Self { process_namespace, ..self }
    }
}

impl Machine {
    fn this() -> io::Result<Self> {
        let boot = boot()?;
        if boot.is_empty() {
            return Err(io::Error::other("the machine has no boot id"));
        }
        Ok(Self { boot, time_namespace: namespace("time")? })
    }
}

#[cfg(target_os = "linux")]
fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn boot() -> io::Result<String> {
    let output = std::process::Command::new("sysctl").args(["-n", "kern.bootsessionuuid"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The number that Linux gives a namespace of this process, `namespaces(7)`; 0 if there is none.
fn namespace(kind: &str) -> io::Result<u64> {
    match fs::metadata(format!("/proc/self/ns/{kind}")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        namespace => Ok(namespace?.ino()),
    }
}
