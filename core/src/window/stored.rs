//! The serialized form of a window, as the processes of a machine share it: 20 bytes, and 8 per entry,
//! little-endian.

use super::{Marks, Window, kept_until};

/// The retention, the newest admission, the time of the last entry.
const HEADER: usize = 4 + 8 + 8;

impl Window {
    /// Appends the window to `bytes`.
    pub(crate) fn store(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.marks.kept_s().to_le_bytes());
        bytes.extend_from_slice(&self.newest().to_le_bytes());
        bytes.extend_from_slice(&self.log.last().to_le_bytes());
        self.log.store(bytes);
    }

    /// Loads the window in `bytes`. Returns false if they are malformed; then the window must not be used.
    pub(crate) fn load(&mut self, bytes: &[u8]) -> bool {
        let Some((header, entries)) = bytes.split_first_chunk() else { return false };
        let (kept_s, newest, last) = fields(header);
        let Some(marks) = Marks::checked(kept_s, newest, last) else { return false };
        self.marks = marks;
        self.log.load(last, entries)
    }

    /// [`ends_at`](Self::ends_at) of the window in `bytes`, without loading it.
    pub(crate) fn stored_ends_at(bytes: &[u8]) -> Option<u64> {
        let (header, entries) = bytes.split_first_chunk()?;
        let (kept_s, _, last) = fields(header);
        Some(if entries.is_empty() { 0 } else { kept_until(last, kept_s) })
    }
}

fn fields(header: &[u8; HEADER]) -> (u32, u64, u64) {
    let [a, b, c, d, times @ ..] = header;
    let (times, _) = times.as_chunks::<8>();
    let [newest, last] = times.try_into().unwrap_or_default();
    (u32::from_le_bytes([*a, *b, *c, *d]), u64::from_le_bytes(newest), u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::window::{Limit, Request};

    proptest! {
        #[test]
        fn a_loaded_window_continues_like_the_stored_one(
            calls in prop::collection::vec((0..=5_000_000_000_u64, 1..=3_u32, any::<bool>()), 1..300),
            max_req in 3..=300_u32,
            duration in 1..=Limit::MAX_DURATION_MS,
        ) {
            let limit = Limit::new(max_req, duration).unwrap();
            let (mut kept, mut stored) = (Window::default(), Vec::new());
            Window::default().store(&mut stored);
            let mut scratch = Window::default();
            let mut now = 1_000_000;
            for (step, cost, refunds) in calls {
                now += step;
                prop_assert!(scratch.load(&stored));
                let request = Request { limit, shorter: &[], cost, keep_ms: duration };
                let acquired = kept.acquire(now, &request);
                prop_assert_eq!(scratch.acquire(now, &request), acquired);
                if let (true, Some(permit)) = (refunds, acquired.permit) {
                    prop_assert_eq!(scratch.refund(now, &permit, 2), kept.refund(now, &permit, 2));
                }
                stored.clear();
                scratch.store(&mut stored);
                prop_assert_eq!(Window::stored_ends_at(&stored), Some(kept.ends_at()));
            }
        }

        #[test]
        fn malformed_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            // Random bytes almost never have consistent times; the point is that nothing panics.
            let mut window = Window::default();
            if window.load(&bytes) {
                window.acquire(1, &Request { limit: Limit::new(1, 1).unwrap(), shorter: &[], cost: 1, keep_ms: 1 });
            }
        }
    }
}
