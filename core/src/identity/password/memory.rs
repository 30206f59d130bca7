//! The memory that argon2 works in.

use argon2::Block;
use zeroize::Zeroize as _;

use crate::error::{GatekeeperError, Result};

/// The minimum reservation, in blocks of 1 KiB; unused blocks are never touched. glibc keeps freed memory of up to
/// 32 MiB in the arena of the freeing thread, and there are many threads. Larger memory is mapped, and unmapped
/// when freed.
const MIN_RESERVED: usize = 33 * 1024;

/// The memory that belongs to a permit to hash, allocated at first use. It is passed from one hash to the next
/// while callers wait, and returned to the system when none does.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// `count` blocks with unspecified content.
    ///
    /// # Errors
    /// `service_unavailable` if the system is out of memory.
    pub(super) fn blocks(&mut self, count: usize) -> Result<&mut [Block]> {
        if self.0.len() < count {
            let missing = count.max(MIN_RESERVED).saturating_sub(self.0.len());
            self.0.try_reserve_exact(missing).map_err(|error| {
                GatekeeperError::unavailable("not enough memory to hash a password: try again later")
                    .caused_by(error)
            })?;
            self.0.resize(count, Block::new());
        }
        self.0.get_mut(..count).ok_or_else(|| GatekeeperError::internal("fewer blocks than were allocated"))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for block in &mut self.0 {
            block.zeroize();
        }
    }
}
