//! What a slot has admitted, oldest first, in eight bytes an entry.

use smallvec::SmallVec;

/// No slot holds more entries; past that the oldest two become one, at the later of their times.
const MOST_ENTRIES: usize = 256;

/// Times are kept as gaps, so that an entry takes eight bytes and a window may last a year.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Milliseconds since the entry before; 0 for the first.
    gap: u32,
    /// Never 0, but in a spacer that bridges a gap of more than 2³²−1 ms.
    cost: u32,
}

impl Entry {
    /// Adds to the cost what fits and returns that: more than fits is more than any limit allows.
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
    /// The time of the last entry, also once it is gone.
    last: u64,
    /// The cost of all entries.
    cost: u64,
    entries: SmallVec<[Entry; 2]>,
}

/// The entries before some time.
pub(super) struct Prefix {
    pub(super) len: usize,
    pub(super) cost: u64,
    /// The time of the first entry that is not of the prefix.
    next_time: u64,
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

    /// The time of the last entry, also once it is gone.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The longest run of entries from the oldest on whose times satisfy `within`.
    pub(super) fn prefix(&self, within: impl Fn(u64) -> bool) -> Prefix {
        let (mut len, mut cost) = (0, 0);
        let mut time = self.first;
        for entry in &self.entries {
            let entry_time = time + u64::from(entry.gap);
            if !within(entry_time) {
                return Prefix { len, cost, next_time: entry_time };
            }
            time = entry_time;
            cost += u64::from(entry.cost);
            len += 1;
        }
        Prefix { len, cost, next_time: time }
    }

    /// The time of the entry with which, counting from after `expired`, at least `excess` has passed.
    pub(super) fn time_by_which(&self, excess: u64, expired: &Prefix) -> u64 {
        let mut time = expired.next_time;
        let mut passed = 0;
        for (index, entry) in self.entries.iter().enumerate().skip(expired.len) {
            if index > expired.len {
                time += u64::from(entry.gap);
            }
            passed += u64::from(entry.cost);
            if passed >= excess {
                break;
            }
        }
        time
    }

    /// The time of the oldest entry that satisfies `within`; there is one.
    pub(super) fn oldest(&self, within: impl Fn(u64) -> bool) -> u64 {
        let mut time = self.first;
        for entry in &self.entries {
            time += u64::from(entry.gap);
            if entry.cost > 0 && within(time) {
                break;
            }
        }
        time
    }

    /// Forgets the longest run of entries from the oldest on whose times satisfy `within`.
    pub(super) fn drop_prefix(&mut self, within: impl Fn(u64) -> bool) {
        let Prefix { len, cost, next_time } = self.prefix(within);
        if len > 0 {
            self.cost -= cost;
            self.drop_front(len, next_time);
        }
    }

    /// Adds `cost` at `time`, in its place by time.
    pub(super) fn insert(&mut self, time: u64, cost: u32) {
        if self.entries.is_empty() {
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
        self.merge_oldest();
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

    /// Rounded times may lie ahead of a later exact one, by less than a grain: the place is near the end.
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

    /// Appends the log to `bytes`.
    pub(super) fn store(&self, bytes: &mut Vec<u8>) {
        for time in [self.first, self.last] {
            bytes.extend_from_slice(&time.to_le_bytes());
        }
        for Entry { gap, cost } in &self.entries {
            bytes.extend_from_slice(&gap.to_le_bytes());
            bytes.extend_from_slice(&cost.to_le_bytes());
        }
    }

    /// Makes this the log that is stored in `bytes`; false where they are none.
    pub(super) fn load(&mut self, bytes: &[u8]) -> bool {
        let Some((times, entries)) = bytes.split_first_chunk::<16>() else { return false };
        let ([first, last], []) = times.as_chunks::<8>() else { return false };
        let (entries, []) = entries.as_chunks::<8>() else { return false };
        (self.first, self.last, self.cost) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last), 0);
        self.entries.clear();
        let mut reached = self.first;
        for [a, b, c, d, cost @ ..] in entries {
            let entry = Entry { gap: u32::from_le_bytes([*a, *b, *c, *d]), cost: u32::from_le_bytes(*cost) };
            self.cost += u64::from(entry.cost);
            reached = reached.saturating_add(u64::from(entry.gap));
            self.entries.push(entry);
        }
        self.entries.is_empty() || reached == self.last
    }

    /// Keeps the log within its bound; a later time for an old cost can only deny.
    fn merge_oldest(&mut self) {
        while self.entries.len() > MOST_ENTRIES {
            let mut times = self.entries.iter().enumerate().filter(|(_, entry)| entry.cost > 0);
            let (Some((_, oldest)), Some((index, _))) = (times.next(), times.next()) else { return };
            if times.count() + 2 <= MOST_ENTRIES {
                return;
            }
            let cost = oldest.cost;
            let time = self.first
                + self.entries.iter().take(index + 1).map(|entry| u64::from(entry.gap)).sum::<u64>();
            self.drop_front(index, time);
            if let Some(entry) = self.entries.first_mut() {
                self.cost = self.cost - u64::from(cost) + entry.add(cost);
            }
        }
    }

    /// Forgets the first `count` entries; `time` is that of the next one.
    fn drop_front(&mut self, count: usize, time: u64) {
        self.entries.drain(..count);
        self.first = time;
        match self.entries.first_mut() {
            Some(entry) => entry.gap = 0,
            // A slot that was once busy and is now quiet costs no more than any other.
            None => self.entries.shrink_to_fit(),
        }
    }
}
