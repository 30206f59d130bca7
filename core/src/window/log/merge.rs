//! The bound of a log: an excess entry is merged with a neighbor, at the later of their times, which can only deny
//! more.

use super::Log;

/// The maximum number of entries of a slot.
const MAX_ENTRIES: usize = 256;

/// Two neighboring entries, and how much merging them delays, relative to their age.
struct Pair {
    /// The index of the earlier one.
    index: usize,
    /// From the entry before the pair to the later one of the pair, in ms.
    span: u64,
    /// The age of the later entry, in ms.
    age: u64,
    /// Whether both entries have left the shortest window.
    is_outside: bool,
}

impl Pair {
    fn costs_less_than(&self, other: &Self) -> bool {
        let scaled = |span: u64, by: u64| u128::from(span) * u128::from(by);
        scaled(self.span, other.age) < scaled(other.span, self.age)
    }
}

impl Log {
    /// Keeps the log within its bound at `now`, after an admission whose shortest window lasts `shortest_ms`.
    /// Returns whether two entries were merged.
    #[inline]
    pub(in crate::window) fn merge(&mut self, now: u64, shortest_ms: u64) -> bool {
        let is_full = self.entries.len() > MAX_ENTRIES && self.len() > MAX_ENTRIES;
        if is_full {
            self.merge_one(now, shortest_ms);
        }
        is_full
    }

    /// The number of entries, without spacers.
    pub(in crate::window) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.cost > 0).count()
    }

    #[cold]
    fn merge_one(&mut self, now: u64, shortest_ms: u64) {
        let Some(Pair { index, .. }) = self.cheapest_pair(now, shortest_ms) else { return };
        let mut rest = self.entries.iter_mut().skip(index).filter(|entry| entry.cost > 0);
        let (Some(earlier), Some(later)) = (rest.next(), rest.next()) else { return };
        let cost = std::mem::take(&mut earlier.cost);
        let added = later.add(cost);
        self.cost = self.cost - u64::from(cost) + added;
        self.remove(index);
    }

    /// The pair whose merging costs least, from those outside the shortest window if there are any; of equal pairs
    /// the older one. The oldest entry never merges, because it would carry its cost forward forever.
    fn cheapest_pair(&self, now: u64, shortest_ms: u64) -> Option<Pair> {
        let mut best: Option<Pair> = None;
        let (mut before, mut earlier) = (None, None);
        let mut later = self.first;
        for (index, entry) in self.entries.iter().enumerate() {
            later += u64::from(entry.gap);
            if entry.cost == 0 {
                continue;
            }
            if let (Some(before), Some((earlier, _))) = (before, earlier) {
                let is_outside = later.saturating_add(shortest_ms) <= now;
                let age = now.saturating_add(1).saturating_sub(later).max(1);
                let pair = Pair { index: earlier, span: later - before, age, is_outside };
                match &best {
                    // Pairs outside the window come first.
                    Some(best) if best.is_outside && !is_outside => break,
                    Some(best) if !pair.costs_less_than(best) => {}
                    _ => best = Some(pair),
                }
            }
            (before, earlier) = (earlier.map(|(_, time)| time), Some((index, later)));
        }
        best
    }
}
