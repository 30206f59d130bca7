//! The rules of one slot as in `tests/vectors/window_model.py`, entry by entry and without optimizations.

use super::{Acquired, Limit, Permit, Request};

#[derive(Default)]
pub(super) struct Reference {
    /// Recorded time and cost, one entry per time.
    log: Vec<(u64, u64)>,
    newest: u64,
    kept_ms: u64,
}

impl Reference {
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    fn is_empty(&self, now: u64) -> bool {
        self.log.last().is_none_or(|(time, _)| time + self.kept_ms <= now)
    }

    fn inside(&self, now: u64, limit: Limit) -> impl Iterator<Item = (u64, u64)> {
        let is_empty = self.is_empty(now);
        self.log.iter().copied().filter(move |(time, _)| !is_empty && time + limit.duration_ms() > now)
    }

    pub(super) fn acquire(&mut self, now: u64, request: Request<'_>, is_peek: bool) -> Acquired {
        let now = now.max(self.newest);
        let cost = u64::from(request.cost);
        let windows = || std::iter::once(request.limit).chain(request.shorter.iter().copied());
        let used = |slot: &Self, limit| slot.inside(now, limit).map(|(_, cost)| cost).sum::<u64>();
        let denials = windows().filter_map(|limit| {
            let excess = (used(self, limit) + cost).checked_sub(u64::from(limit.max_req()) + 1)? + 1;
            let mut passed = 0;
            let (time, _) = self.inside(now, limit).find(|(_, cost)| {
                passed += cost;
                passed >= excess
            })?;
            Some((time + limit.duration_ms(), limit))
        });
        if let Some((frees_at, limit)) =
            denials.max_by_key(|(frees_at, limit)| (*frees_at, limit.duration_ms()))
        {
            let left = u64::from(limit.max_req()).saturating_sub(used(self, limit));
            return Acquired {
                admitted: false,
                limit,
                remaining: left.try_into().unwrap(),
                frees_at,
                frees_in_ms: frees_at - now,
                permit: None,
            };
        }
        let taken = if is_peek { 0 } else { cost };
        let left = |limit: Limit| u64::from(limit.max_req()) - used(self, limit) - taken;
        let limit = windows()
            .min_by(|a, b| {
                let scaled = |left: u64, by: &Limit| left * u64::from(by.max_req());
                scaled(left(*a), b).cmp(&scaled(left(*b), a))
            })
            .unwrap();
        let remaining = left(limit).try_into().unwrap();
        let permit = (!is_peek).then(|| self.record(now, request));
        let frees_at = self.inside(now, limit).next().map_or(now, |(time, _)| time + limit.duration_ms());
        Acquired { admitted: true, limit, remaining, frees_at, frees_in_ms: frees_at - now, permit }
    }

    fn record(&mut self, now: u64, request: Request<'_>) -> Permit {
        if self.is_empty(now) {
            self.log.clear();
            self.kept_ms = 0;
        }
        self.kept_ms = self.kept_ms.max(request.keep_ms.div_ceil(1000) * 1000);
        self.log.retain(|(time, _)| time + self.kept_ms > now);
        let limits = request.shorter.iter().chain([&request.limit]);
        let grain = limits.clone().map(|limit| grain(*limit)).min().unwrap();
        let recorded = now.next_multiple_of(grain);
        match self.log.binary_search_by_key(&recorded, |(time, _)| *time) {
            Ok(index) => self.log[index].1 += u64::from(request.cost),
            Err(index) => self.log.insert(index, (recorded, u64::from(request.cost))),
        }
        self.newest = now;
        if self.log.len() > 256 {
            self.merge(now, limits.map(|limit| limit.duration_ms()).min().unwrap());
        }
        Permit { recorded, kept_s: (self.kept_ms / 1000).try_into().unwrap(), cost: request.cost }
    }

    fn merge(&mut self, now: u64, shortest: u64) {
        let mut pairs: Vec<_> = (1..self.log.len() - 1).collect();
        if self.log[2].0 + shortest <= now {
            pairs.retain(|index| self.log[index + 1].0 + shortest <= now);
        }
        let span_and_age = |index: usize| {
            let later = self.log[index + 1].0;
            (u128::from(later - self.log[index - 1].0), u128::from((now + 1).saturating_sub(later).max(1)))
        };
        // The first of equal pairs, as `min_by` returns it.
        let cheapest = pairs.into_iter().min_by(|a, b| {
            let ((span, age), (other_span, other_age)) = (span_and_age(*a), span_and_age(*b));
            (span * other_age).cmp(&(other_span * age))
        });
        let index = cheapest.unwrap();
        let (_, cost) = self.log.remove(index);
        self.log[index].1 += cost;
    }

    pub(super) fn refund(&mut self, now: u64, permit: &Permit, cost: u32) -> u32 {
        let now = now.max(self.newest);
        if self.is_empty(now) || permit.recorded + u64::from(permit.kept_s) * 1000 <= now {
            return 0;
        }
        let Some(entry) = self.log.iter_mut().find(|(time, _)| *time >= permit.recorded) else { return 0 };
        let refunded = entry.1.min(u64::from(cost));
        entry.1 -= refunded;
        self.log.retain(|(_, cost)| *cost > 0);
        refunded.try_into().unwrap()
    }

    pub(super) fn len(&self) -> usize {
        self.log.len()
    }
}

pub(super) fn grain(limit: Limit) -> u64 {
    if limit.max_req() <= 128 { 1 } else { limit.duration_ms().div_ceil(128) }
}
