//! The memory that argon2 works in.

use argon2::Block;
use zeroize::Zeroize as _;

use crate::error::{GatekeeperError, Result};

/// How much is reserved at least, in blocks of 1 KiB; what is not used is never touched. glibc keeps memory of up to 32 MiB
/// in the arena of the thread that freed it, and there are many threads. What is larger it maps, and unmaps when it is freed.
const MIN_RESERVED: usize = 33 * 1024;

/// Blocks that are lent with the right to hash, allocated at first use. They go from one hash to the next as long as
/// there is one that waits, and back to the system when there is none.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// So many blocks, whatever is in them.
    ///
    /// # Errors
    /// `service_unavailable` where the system has no memory to give.
    pub(super) fn blocks(&mut self, count: usize) -> Result<&mut [Block]> {
        if self.0.len() < count {
            let missing = count.max(MIN_RESERVED).saturating_sub(self.0.len());
            self.0.try_reserve_exact(missing).map_err(|error| {
                GatekeeperError::unavailable("there is no memory to hash a password in").caused_by(error)
            })?;
            self.0.resize(count, Block::new());
        }
        self.0.get_mut(..count).ok_or_else(|| GatekeeperError::internal("fewer blocks than were made"))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for block in &mut self.0 {
            block.zeroize();
        }
    }
}
