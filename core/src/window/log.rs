//! The log of a slot: its admissions, oldest first, in eight bytes per entry.

mod merge;

use smallvec::SmallVec;

/// An entry. Times are stored as gaps, so that an entry takes eight bytes and a window may last a year.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Milliseconds since the previous entry; 0 for the first.
    gap: u32,
    /// Never 0, except in a spacer, which bridges a gap of more than 2³²−1 ms between two entries.
    cost: u32,
}

impl Entry {
    /// Adds as much of the cost as fits, and returns that. More than fits is more than any limit allows.
    fn add(&mut self, cost: u32) -> u64 {
        let before = self.cost;
        self.cost = before.saturating_add(cost);
        u64::from(self.cost - before)
    }
}

#[derive(Debug, Default)]
pub(super) struct Log {
    /// The time of the first entry.
    first: u64,
    /// The time of the last entry; for an empty log, the time of a former entry.
    last: u64,
    /// The cost of all entries.
    cost: u64,
    /// Neither the first nor the last is a spacer.
    entries: SmallVec<[Entry; 2]>,
}

/// The entries before some time.
pub(super) struct Prefix {
    len: usize,
    pub(super) cost: u64,
    /// The time of the first entry after the prefix; `u64::MAX` if there is none.
    pub(super) next_time: u64,
}

impl Log {
    /// An empty log whose last time was `last`.
    pub(super) fn after(last: u64) -> Self {
        Self { last, ..Self::default() }
    }

    /// The cost of all entries.
    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    /// The time of the last entry; for an empty log, the time of a former entry.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cost == 0
    }

    /// The entries before `time`, of a log that is not empty. Searches from the nearer end.
    #[inline]
    pub(super) fn prefix(&self, time: u64) -> Prefix {
        if self.first >= time {
            return Prefix { len: 0, cost: 0, next_time: self.first };
        }
        if time - self.first <= self.last.saturating_sub(time) {
            self.prefix_from_first(time)
        } else {
            self.prefix_from_last(time)
        }
    }

    #[inline(never)]
    fn prefix_from_first(&self, time: u64) -> Prefix {
        let mut prefix = Prefix { len: 0, cost: 0, next_time: self.first };
        for entry in &self.entries {
            prefix.next_time += u64::from(entry.gap);
            // A spacer is never the next entry.
            if prefix.next_time >= time && entry.cost > 0 {
                return prefix;
            }
            prefix.cost += u64::from(entry.cost);
            prefix.len += 1;
        }
        prefix.next_time = u64::MAX;
        prefix
    }

    #[inline(never)]
    fn prefix_from_last(&self, time: u64) -> Prefix {
        let mut prefix = Prefix { len: self.entries.len(), cost: self.cost, next_time: u64::MAX };
        let mut entry_time = self.last;
        for (index, entry) in self.entries.iter().enumerate().rev() {
            if entry_time < time {
                break;
            }
            if entry.cost > 0 {
                prefix.cost -= u64::from(entry.cost);
                (prefix.len, prefix.next_time) = (index, entry_time);
            }
            entry_time -= u64::from(entry.gap);
        }
        prefix
    }

    /// The time of the entry with which at least `excess` has left the window, counted from the end of `prefix`.
    #[inline]
    pub(super) fn time_by_which(&self, excess: u64, prefix: &Prefix) -> u64 {
        let mut inside = self.entries.iter().skip(prefix.len);
        let mut time = prefix.next_time;
        let mut passed = inside.next().map_or(0, |entry| u64::from(entry.cost));
        while passed < excess
            && let Some(entry) = inside.next()
        {
            time += u64::from(entry.gap);
            passed += u64::from(entry.cost);
        }
        time
    }

    /// Drops the entries before `time`, of a log that is not empty.
    #[inline]
    pub(super) fn drop_before(&mut self, time: u64) {
        if self.first < time {
            let Prefix { len, cost, .. } = self.prefix(time);
            self.cost -= cost;
            self.drop_front(len);
        }
    }

    /// Inserts `cost` at `time`, in order.
    #[inline]
    pub(super) fn insert(&mut self, time: u64, cost: u32) {
        if time == self.last
            && let Some(last) = self.entries.last_mut()
        {
            self.cost += last.add(cost);
        } else if self.entries.is_empty() {
            self.cost = u64::from(cost);
            (self.first, self.last) = (time, time);
            self.entries.push(Entry { gap: 0, cost });
        } else if time > self.last {
            self.cost += u64::from(cost);
            self.append(time - self.last, cost);
            self.last = time;
        } else {
            self.insert_before(time, cost);
        }
    }

    fn append(&mut self, mut gap: u64, cost: u32) {
        loop {
            if let Ok(gap) = u32::try_from(gap) {
                return self.entries.push(Entry { gap, cost });
            }
            self.entries.push(Entry { gap: u32::MAX, cost: 0 });
            gap -= u64::from(u32::MAX);
        }
    }

    /// Inserts before the end: rounded times may be ahead of a later exact one by less than a grain, so the
    /// position is near the end.
    fn insert_before(&mut self, time: u64, cost: u32) {
        let mut entry_time = self.last;
        for index in (0..self.entries.len()).rev() {
            let Some(entry) = self.entries.get_mut(index) else { return };
            if entry_time == time {
                self.cost += entry.add(cost);
                return;
            }
            let previous_time = entry_time - u64::from(entry.gap);
            if index == 0 || previous_time < time {
                // INVARIANT: both gaps are parts of one that fits, or less than a grain, which is under three days.
                entry.gap = u32::try_from(entry_time - time).unwrap_or(u32::MAX);
                let gap =
                    if index == 0 { 0 } else { u32::try_from(time - previous_time).unwrap_or(u32::MAX) };
                if index == 0 {
                    self.first = time;
                }
                self.cost += u64::from(cost);
                self.entries.insert(index, Entry { gap, cost });
                return;
            }
            entry_time = previous_time;
        }
    }

    /// Subtracts up to `cost` from the first entry at or after `time`. Returns how much was subtracted.
    pub(super) fn refund(&mut self, time: u64, cost: u32) -> u32 {
        let mut entry_time = self.first;
        for (index, entry) in self.entries.iter_mut().enumerate() {
            entry_time += u64::from(entry.gap);
            if entry_time < time || entry.cost == 0 {
                continue;
            }
            // A saturated entry may represent more than it can store, so nothing is subtracted from it.
            let refunded = if entry.cost == u32::MAX { 0 } else { cost.min(entry.cost) };
            entry.cost -= refunded;
            self.cost -= u64::from(refunded);
            if entry.cost == 0 {
                self.remove(index);
            }
            return refunded;
        }
        0
    }

    /// Removes the entry at `index`, whose cost is now 0.
    fn remove(&mut self, index: usize) {
        if index == 0 {
            self.drop_front(1);
        } else if index + 1 < self.entries.len() {
            let gap = self.entries.get(index).map_or(0, |entry| entry.gap);
            if let Some(next) = self.entries.get_mut(index + 1)
                && let Some(gap) = next.gap.checked_add(gap)
            {
                next.gap = gap;
                self.entries.remove(index);
            }
            // Otherwise it stays as a spacer.
        } else {
            while let Some(Entry { gap, cost: 0 }) = self.entries.last() {
                self.last -= u64::from(*gap);
                self.entries.pop();
            }
        }
    }

    /// Appends the entries to `bytes`.
    pub(super) fn store(&self, bytes: &mut Vec<u8>) {
        for Entry { gap, cost } in &self.entries {
            bytes.extend_from_slice(&gap.to_le_bytes());
            bytes.extend_from_slice(&cost.to_le_bytes());
        }
    }

    /// Loads the entries in `bytes`, the last of which is at `last`. Returns false if they are malformed.
    pub(super) fn load(&mut self, last: u64, bytes: &[u8]) -> bool {
        let (entries, []) = bytes.as_chunks::<8>() else { return false };
        (self.first, self.last, self.cost) = (0, last, 0);
        self.entries.clear();
        let mut span = 0;
        for [a, b, c, d, cost @ ..] in entries {
            let entry = Entry { gap: u32::from_le_bytes([*a, *b, *c, *d]), cost: u32::from_le_bytes(*cost) };
            self.cost += u64::from(entry.cost);
            span += u64::from(entry.gap);
            self.entries.push(entry);
        }
        self.first = last.saturating_sub(span);
        let is_real = |entry: Option<&Entry>| entry.is_none_or(|entry| entry.cost > 0);
        span <= last && is_real(self.entries.first()) && is_real(self.entries.last())
    }

    /// Drops everything except the time of the last entry.
    pub(super) fn clear(&mut self) {
        self.cost = 0;
        self.entries.clear();
        self.entries.shrink_to_fit();
    }

    /// Drops the first `count` entries, and the spacers that follow.
    fn drop_front(&mut self, count: usize) {
        let spacers = self.entries.iter().skip(count).take_while(|entry| entry.cost == 0).count();
        let count = count + spacers;
        self.first += self.entries.iter().take(count + 1).map(|entry| u64::from(entry.gap)).sum::<u64>();
        self.entries.drain(..count);
        match self.entries.first_mut() {
            Some(entry) => entry.gap = 0,
            // A slot that was once busy and is now quiet uses no more memory than any other.
            None => self.entries.shrink_to_fit(),
        }
    }
}
