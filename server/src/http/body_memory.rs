//! The memory that bodies may use before their sender is authenticated: in total, and for each client address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The part of each body that is not counted, in bytes.
const UNCOUNTED: usize = 16 * 1024;
/// The maximum memory of all bodies together, in bytes, beyond the part that is not counted.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The maximum memory of the bodies of one client address, in bytes.
const MAX_BYTES_PER_ADDRESS: usize = MAX_BYTES / 4;

/// The memory in use: by what has arrived, not by what `Content-Length` announces.
pub(crate) struct Bodies(Mutex<InUse>);

#[derive(Default)]
struct InUse {
    bytes: usize,
    /// The bytes of each client address that uses any.
    by_address: HashMap<Arc<str>, usize>,
}

/// The memory of one body, released when it is dropped.
pub(crate) struct Reservation<'a> {
    bodies: &'a Bodies,
    address: Arc<str>,
    bytes: usize,
}

/// The memory limit is reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The memory of a new body from this client address, none of which has arrived yet.
    pub(crate) fn reserve(&self, address: Arc<str>) -> Reservation<'_> {
        Reservation { bodies: self, address, bytes: 0 }
    }

    fn in_use(&self) -> MutexGuard<'_, InUse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation<'_> {
    /// Reserves memory for a body that has grown to this length.
    ///
    /// # Errors
    /// [`Full`] if the limit is reached; the memory reserved so far stays reserved.
    pub(crate) fn grow_to(&mut self, length: usize) -> Result<(), Full> {
        let more = length.saturating_sub(UNCOUNTED).saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let mut in_use = self.bodies.in_use();
        let of_address = in_use.by_address.get(&self.address).copied().unwrap_or(0);
        if in_use.bytes + more > MAX_BYTES || of_address + more > MAX_BYTES_PER_ADDRESS {
            return Err(Full);
        }
        in_use.bytes += more;
        in_use.by_address.insert(Arc::clone(&self.address), of_address + more);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut in_use = self.bodies.in_use();
        in_use.bytes = in_use.bytes.saturating_sub(self.bytes);
        let left = in_use.by_address.get(&self.address).copied().unwrap_or(0).saturating_sub(self.bytes);
        if left == 0 {
            in_use.by_address.remove(&self.address);
        } else {
            in_use.by_address.insert(Arc::clone(&self.address), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    /// As many bodies of 1 MiB as one address may hold.
    fn fill<'a>(bodies: &'a Bodies, address: &str) -> Vec<Reservation<'a>> {
        let mut reservations = Vec::new();
        loop {
            let mut memory = bodies.reserve(address.into());
            match memory.grow_to(MIB) {
                Ok(()) => reservations.push(memory),
                Err(Full) => return reservations,
            }
        }
    }

    #[test]
    fn one_client_address_cannot_use_the_memory_of_others() {
        let bodies = Bodies::new();
        let one = fill(&bodies, "192.0.2.1");
        assert_eq!(one.len(), 16);
        assert_eq!(bodies.reserve("192.0.2.1".into()).grow_to(MIB), Err(Full));
        assert_eq!(bodies.reserve("192.0.2.2".into()).grow_to(MIB), Ok(()));
        // A short body is always accepted.
        assert_eq!(bodies.reserve("192.0.2.1".into()).grow_to(UNCOUNTED), Ok(()));
        drop(one);
        assert_eq!(fill(&bodies, "192.0.2.1").len(), 16);
    }

    #[test]
    fn all_bodies_together_are_bounded_and_release_their_memory() {
        let bodies = Bodies::new();
        let addresses = ["a", "b", "c", "d", "e"];
        let reservations: Vec<_> = addresses.iter().flat_map(|address| fill(&bodies, address)).collect();
        assert_eq!(reservations.len(), 65);
        assert_eq!(bodies.reserve("f".into()).grow_to(MIB), Err(Full));
        drop(reservations);
        let in_use = bodies.in_use();
        assert_eq!((in_use.bytes, in_use.by_address.len()), (0, 0));
    }

    #[test]
    fn only_what_has_arrived_is_counted() {
        let bodies = Bodies::new();
        let mut reservations: Vec<_> = (0..10_000).map(|_| bodies.reserve("192.0.2.1".into())).collect();
        for memory in &mut reservations {
            assert_eq!(memory.grow_to(UNCOUNTED), Ok(()));
        }
        assert_eq!(bodies.reserve("192.0.2.1".into()).grow_to(MIB), Ok(()));
    }
}
