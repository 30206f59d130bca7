//! A window as bytes, as the processes of a machine share it: 24 bytes, and 8 for each entry, little-endian.

use super::Window;

impl Window {
    /// Appends the window to `bytes`.
    pub(crate) fn store(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.ahead.to_le_bytes());
        bytes.extend_from_slice(&self.kept_s.to_le_bytes());
        self.log.store(bytes);
    }

    /// Makes this the window that is stored in `bytes`; false, and not to be used, where they are none.
    pub(crate) fn load(&mut self, bytes: &[u8]) -> bool {
        let Some((ahead, bytes)) = bytes.split_first_chunk() else { return false };
        let Some((kept_s, log)) = bytes.split_first_chunk() else { return false };
        (self.ahead, self.kept_s) = (u32::from_le_bytes(*ahead), u32::from_le_bytes(*kept_s));
        self.log.load(log) && u64::from(self.ahead) <= self.log.last()
    }

    /// [`ends_at`](Self::ends_at) of the window that is stored in `bytes`.
    pub(crate) fn stored_ends_at(bytes: &[u8]) -> Option<u64> {
        let [_, _, _, _, kept_s @ ..] = bytes.first_chunk::<8>()?;
        let last = bytes.get(16..)?.first_chunk()?;
        Some(ends_at(u64::from_le_bytes(*last), u32::from_le_bytes(*kept_s)))
    }
}

/// Until when a window counts whose last entry is at `last`.
pub(super) fn ends_at(last: u64, kept_s: u32) -> u64 {
    last.saturating_add(u64::from(kept_s) * 1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::window::{Limit, Request};

    proptest! {
        #[test]
        fn a_window_that_was_stored_goes_on_as_it_was(
            calls in prop::collection::vec((0..=5_000_000_000_u64, 1..=3_u32), 1..300),
            max_req in 3..=300_u32,
            duration in 1..=Limit::MAX_DURATION_MS,
        ) {
            let request = |cost| Request { limit: Limit::new(max_req, duration).unwrap(), cost, keep_ms: duration };
            let (mut kept, mut stored) = (Window::default(), Vec::new());
            Window::default().store(&mut stored);
            let mut scratch = Window::default();
            let mut now = 1_000_000;
            for (step, cost) in calls {
                now += step;
                prop_assert!(scratch.load(&stored));
                prop_assert_eq!(scratch.take(now, request(cost)), kept.take(now, request(cost)));
                stored.clear();
                scratch.store(&mut stored);
                prop_assert_eq!(Window::stored_ends_at(&stored), Some(kept.ends_at()));
            }
        }

        #[test]
        fn bytes_that_are_no_window_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            // Chance does not make the times agree; what matters is that nothing panics.
            let mut window = Window::default();
            if window.load(&bytes) {
                window.take(1, Request { limit: Limit::new(1, 1).unwrap(), cost: 1, keep_ms: 1 });
            }
        }
    }
}
