//! The subjects: Gatekeeper, `governor`, and a script in Redis.

mod evalsha;
mod governor;
mod ours;

use crate::Result;
pub use ours::{ENDPOINT, endpoints, new_key};

/// A limit that no run uses up.
pub const PLENTY: u32 = u32::MAX;
/// The window of every limit: none ends during a run.
pub const WINDOW_MS: u64 = 3_600_000;

/// A limiter that is measured.
pub trait Subject {
    /// `count` keys. A subject that only limits accepts any name.
    fn create(&mut self, count: usize) -> Result<Vec<String>> {
        Ok((0..count).map(|number| format!("key_{number:07}")).collect())
    }

    /// Makes one call and returns whether it was admitted.
    #[allow(clippy::ptr_arg, reason = "governor looks up by the type it stores")]
    fn call(&mut self, key: &String) -> Result<bool>;

    /// Whether the cost of a call grows with the number of calls of its key.
    fn keeps_each_call(&self) -> bool {
        false
    }
}

/// The subject of this name on `gatekeeper`, at a limit of `limit` calls an hour.
pub fn open(name: &str, gatekeeper: &str, limit: u32) -> Result<Box<dyn Subject>> {
    Ok(match name {
        "gatekeeper" => Box::new(ours::Ours::open(gatekeeper, limit)?),
        "governor" => Box::new(governor::Governor::new(limit)?),
        "evalsha" => Box::new(evalsha::Evalsha::connect(gatekeeper, limit)?),
        _ => return Err("no such subject".into()),
    })
}
