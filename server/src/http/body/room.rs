//! The memory that bodies may take, before it is known who sends them: in all, and from one client address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much each body may take without being counted, in bytes.
const FREE: usize = 16 * 1024;
/// How much all longer bodies may take at once, in bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How much of that those of one client address may take.
const MAX_BYTES_PER_ADDRESS: usize = MAX_BYTES / 4;

/// What bodies take at this moment: what has arrived of them, not what they publish.
pub(crate) struct Bodies(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    bytes: usize,
    /// Of each client address that takes some.
    by_address: HashMap<Arc<str>, usize>,
}

/// The room of one body, until it is dropped.
pub(super) struct Room<'a> {
    bodies: &'a Bodies,
    address: Arc<str>,
    bytes: usize,
}

/// There is no room for more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Room for a body of a client at this address, which has not begun to arrive.
    pub(super) fn room(&self, address: Arc<str>) -> Room<'_> {
        Room { bodies: self, address, bytes: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room<'_> {
    /// Makes room for a body that has become this long.
    ///
    /// # Errors
    /// [`Full`]; it has then the room that it had.
    pub(super) fn grow_to(&mut self, length: usize) -> Result<(), Full> {
        let more = length.saturating_sub(FREE).saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let mut taken = self.bodies.taken();
        let of_address = taken.by_address.get(&self.address).copied().unwrap_or(0);
        if taken.bytes + more > MAX_BYTES || of_address + more > MAX_BYTES_PER_ADDRESS {
            return Err(Full);
        }
        taken.bytes += more;
        taken.by_address.insert(Arc::clone(&self.address), of_address + more);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.bodies.taken();
        taken.bytes = taken.bytes.saturating_sub(self.bytes);
        let left = taken.by_address.get(&self.address).copied().unwrap_or(0).saturating_sub(self.bytes);
        if left == 0 {
            taken.by_address.remove(&self.address);
        } else {
            taken.by_address.insert(Arc::clone(&self.address), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    /// As many bodies of 1 MiB as one address has room for.
    fn filled<'a>(bodies: &'a Bodies, address: &str) -> Vec<Room<'a>> {
        let mut rooms = Vec::new();
        loop {
            let mut room = bodies.room(address.into());
            match room.grow_to(MIB) {
                Ok(()) => rooms.push(room),
                Err(Full) => return rooms,
            }
        }
    }

    #[test]
    fn a_client_address_has_a_share_and_leaves_the_rest_to_others() {
        let bodies = Bodies::new();
        let one = filled(&bodies, "192.0.2.1");
        assert_eq!(one.len(), 16);
        assert_eq!(bodies.room("192.0.2.1".into()).grow_to(MIB), Err(Full));
        assert_eq!(bodies.room("192.0.2.2".into()).grow_to(MIB), Ok(()));
        // A short body is never without room.
        assert_eq!(bodies.room("192.0.2.1".into()).grow_to(FREE), Ok(()));
        drop(one);
        assert_eq!(filled(&bodies, "192.0.2.1").len(), 16);
    }

    #[test]
    fn all_bodies_together_are_bounded_and_give_back_all_of_it() {
        let bodies = Bodies::new();
        let addresses = ["a", "b", "c", "d", "e"];
        let rooms: Vec<_> = addresses.iter().flat_map(|address| filled(&bodies, address)).collect();
        assert_eq!(rooms.len(), 65);
        assert_eq!(bodies.room("f".into()).grow_to(MIB), Err(Full));
        drop(rooms);
        let taken = bodies.taken();
        assert_eq!((taken.bytes, taken.by_address.len()), (0, 0));
    }

    #[test]
    fn only_what_has_arrived_is_counted() {
        let bodies = Bodies::new();
        let mut rooms: Vec<_> = (0..10_000).map(|_| bodies.room("192.0.2.1".into())).collect();
        for room in &mut rooms {
            assert_eq!(room.grow_to(FREE), Ok(()));
        }
        assert_eq!(bodies.room("192.0.2.1".into()).grow_to(MIB), Ok(()));
    }
}
