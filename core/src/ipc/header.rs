//! The first page of the words' file: to which boot it belongs, who may use it, and how slots are named in it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};

use super::error::SegmentError;
use crate::secret::random;

/// The header's length; the words follow.
pub(super) const LENGTH: usize = 4096;
/// Raised whenever another version could not read what this one writes: the words, the counters' file, or a slot in it.
const FORMAT: u32 = 3;

/// The header, as JSON padded with blanks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    machine: Machine,
    /// The processes that may use the file together: a lock whose holder died is recovered by its process id.
    process_namespace: u64,
    /// Names the counters' file.
    pub(super) segment: u64,
    /// Slots are named under this key.
    pub(super) slot_key: [u8; 16],
}

/// How long the boot clock runs, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Machine {
    boot: String,
    time_namespace: u64,
}

impl Header {
    /// A header of a new generation, for this boot.
    pub(super) fn new() -> Result<Self, SegmentError> {
        Ok(Self {
            format: FORMAT,
            machine: Machine::this()?,
            process_namespace: namespace("pid")?,
            segment: u64::from_le_bytes(random()?),
            slot_key: random()?,
        })
    }

    /// The header of `file`; none where it is not of this format and this boot, which a file that was cut short is not.
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

    /// Whether this process can share locks with those for whom the file was made.
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
            return Err(io::Error::other("the machine does not say which boot this is"));
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

/// Linux's number of a namespace of this process, `namespaces(7)`; 0 where there is none.
fn namespace(kind: &str) -> io::Result<u64> {
    match fs::metadata(format!("/proc/self/ns/{kind}")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        namespace => Ok(namespace?.ino()),
    }
}
