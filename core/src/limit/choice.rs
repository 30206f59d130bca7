//! The limit chosen for each role set, remembered.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Choice, Endpoint};
use crate::role::RoleSet;

/// How many choices an endpoint remembers; one that is pushed out is worked out again.
const PLACES: usize = 1024;

/// What was chosen, by role set: the set's serial above, the packed choice below, in the place that the serial names.
pub(crate) struct Choices(Box<[AtomicU64]>);

impl Choices {
    pub(crate) fn new() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }

    /// [`Endpoint::choose`], worked out once for each role set.
    #[allow(clippy::cast_possible_truncation, reason = "the remainder is below PLACES")]
    pub(crate) fn choose(&self, endpoint: &Endpoint, roles: &RoleSet) -> Option<Choice> {
        if roles.names().is_empty() {
            return None;
        }
        let serial = roles.serial();
        let place = self.0.get((serial % PLACES as u64) as usize)?;
        let known = place.load(Relaxed);
        if known >> Choice::BITS == serial {
            return Choice::unpack(known & ((1 << Choice::BITS) - 1));
        }
        let choice = endpoint.choose(roles);
        // What does not fit is worked out each time.
        if let Some(packed) = Choice::pack(choice)
            && serial.leading_zeros() >= Choice::BITS
        {
            place.store((serial << Choice::BITS) | packed, Relaxed);
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Limit;

    #[test]
    fn a_remembered_choice_is_the_one_that_was_worked_out() {
        let limit = |max_req| Limit::new(max_req, 1000).unwrap();
        let endpoint = Endpoint::new(limit(1)).role("A", limit(2)).unwrap().role("B", limit(3)).unwrap();
        let choices = Choices::new();
        let sets: Vec<_> = (0..5 * PLACES)
            .map(|number| {
                let names = ["A", "B", "C"].into_iter().enumerate();
                RoleSet::new(names.filter(|(bit, _)| number >> bit & 1 == 1).map(|(_, name)| name.into()))
            })
            .collect();
        for _ in 0..2 {
            for set in &sets {
                assert_eq!(choices.choose(&endpoint, set), endpoint.choose(set));
            }
        }
    }
}
