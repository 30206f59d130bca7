//! The limit that each role set selects, cached.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Endpoint, SelectedLimit};
use crate::role::RoleSet;

/// The number of selections that an endpoint caches. An evicted one is computed again.
const SLOTS: usize = 1024;

/// The cached selections, each in the slot that its role set's serial selects: the serial in the upper bits, the
/// packed selection in the lower.
pub(crate) struct SelectedLimits(Box<[AtomicU64]>);

impl SelectedLimits {
    pub(crate) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    /// [`Endpoint::choose`], computed once for each role set.
    #[allow(clippy::cast_possible_truncation, reason = "the remainder is below SLOTS")]
    pub(crate) fn choose(&self, endpoint: &Endpoint, roles: &RoleSet) -> Option<SelectedLimit> {
        if roles.names().is_empty() {
            return None;
        }
        let serial = roles.serial();
        let slot = self.0.get((serial % SLOTS as u64) as usize)?;
        let known = slot.load(Relaxed);
        if known >> SelectedLimit::BITS == serial {
            return SelectedLimit::unpack(known & ((1 << SelectedLimit::BITS) - 1));
        }
        let selected = endpoint.choose(roles);
        // A selection that does not fit is computed each time.
        if let Some(packed) = SelectedLimit::pack(selected)
            && serial.leading_zeros() >= SelectedLimit::BITS
        {
            slot.store((serial << SelectedLimit::BITS) | packed, Relaxed);
        }
        selected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Limit;

    #[test]
    fn a_cached_selection_is_the_one_that_is_computed() {
        let limit = |max_req| Limit::new(max_req, 1000).unwrap();
        let endpoint = Endpoint::new(limit(1)).role("A", limit(2)).unwrap().role("B", limit(3)).unwrap();
        let selections = SelectedLimits::new();
        let sets: Vec<_> = (0..5 * SLOTS)
            .map(|number| {
                let names = ["A", "B", "C"].into_iter().enumerate();
                RoleSet::new(names.filter(|(bit, _)| number >> bit & 1 == 1).map(|(_, name)| name.into()))
            })
            .collect();
        for _ in 0..2 {
            for set in &sets {
                assert_eq!(selections.choose(&endpoint, set), endpoint.choose(set));
            }
        }
    }
}
