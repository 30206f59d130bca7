//! The laws of a window, with random costs, times, limits and definitions.

mod laws;
mod long;

use proptest::prelude::*;

use super::reference::grain;
use super::*;

/// A model of a slot: every admission with its true time and the rest of its cost, with nothing dropped or rounded.
#[derive(Default)]
struct Model {
    admitted: Vec<(u64, u32)>,
}

impl Model {
    /// The cost admitted in `(time − duration, time]`.
    fn cost(&self, time: u64, duration: u64) -> u64 {
        let within = self.admitted.iter().filter(|(at, _)| at + duration > time && *at <= time);
        within.map(|(_, cost)| u64::from(*cost)).sum()
    }

    /// The cost admitted after `time`.
    fn cost_after(&self, time: u64) -> u64 {
        self.admitted.iter().filter(|(at, _)| *at > time).map(|(_, cost)| u64::from(*cost)).sum()
    }

    /// Whether at some integer time in `(time − early, time]` the admissions leave no room for `cost`.
    fn has_no_room(&self, time: u64, early: u64, limit: Limit, cost: u32) -> bool {
        // The sum changes only where entries leave, so check these times and both ends.
        let (first, last) = ((time + 1).saturating_sub(early), time);
        let leaves = self.admitted.iter().map(|(at, _)| at + limit.duration_ms() - 1);
        let mut moments = leaves.filter(|moment| (first..=last).contains(moment)).chain([first, last]);
        moments.any(|moment| {
            let used = self.cost_after(moment.saturating_sub(limit.duration_ms()));
            used + u64::from(cost) > u64::from(limit.max_req())
        })
    }
}

fn limit(max_req: u32, duration: u64) -> Limit {
    Limit::new(max_req, duration).unwrap()
}

/// A request with one limit of one window.
fn request(limit: Limit, cost: u32) -> Request<'static> {
    Request { limit, shorter: &[], cost, keep_ms: limit.duration_ms() }
}

fn limits() -> impl Strategy<Value = Limit> {
    let max_req = prop_oneof![1..=4_u32, 1..=128_u32, 129..=1000_u32, Just(u32::MAX)];
    let duration = prop_oneof![1..=50_u64, Just(1000), Just(12_800), Just(Limit::MAX_DURATION_MS)];
    (max_req, duration).prop_map(|(max_req, duration)| limit(max_req, duration))
}

/// The limits of an endpoint's roles, each a list of windows, longest first.
type Definition = Vec<Vec<Limit>>;

fn longest(definition: &Definition) -> u64 {
    definition.iter().flatten().map(|limit| limit.duration_ms()).max().unwrap()
}

fn definitions() -> impl Strategy<Value = Vec<Definition>> {
    let max_req = prop_oneof![1..=8_u32, 100..=160_u32, 1000..=100_000_u32];
    let duration = prop_oneof![1..=50_u64, 900..=3000_u64, Just(60_000), Just(86_400_000)];
    let window = (max_req, duration).prop_map(|(max_req, duration)| limit(max_req, duration));
    let windows = prop::collection::vec(window, 1..=4).prop_map(|mut windows: Vec<Limit>| {
        windows.sort_by_key(|window| std::cmp::Reverse(window.duration_ms()));
        windows.dedup_by_key(|window| window.duration_ms());
        windows
    });
    prop::collection::vec(prop::collection::vec(windows, 1..=2), 1..=3)
}

/// One call.
#[derive(Clone, Debug)]
struct Call {
    kind: Kind,
    definition: prop::sample::Index,
    role: prop::sample::Index,
    /// How much time passes before the call, as a share of the role's shortest window; sometimes negative.
    step: i8,
    share: u8,
    /// Which earlier permit is refunded.
    permit: prop::sample::Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Acquire,
    Peek,
    Refund,
}

fn calls(kinds: impl Strategy<Value = Kind>, most: usize) -> impl Strategy<Value = Vec<Call>> {
    let call = (kinds, any::<[prop::sample::Index; 3]>(), -3..=40_i8, 0..=100_u8);
    let call = call.prop_map(|(kind, [definition, role, permit], step, share)| Call {
        kind,
        definition,
        role,
        step,
        share,
        permit,
    });
    prop::collection::vec(call, 1..most)
}

fn every_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![6 => Just(Kind::Acquire), 1 => Just(Kind::Peek), 2 => Just(Kind::Refund)]
}

impl Call {
    /// The time of this call after one at `now`, and its windows.
    fn resolve<'a>(&self, now: u64, definitions: &'a [Definition]) -> (u64, &'a Definition, &'a [Limit]) {
        let definition = self.definition.get(definitions);
        let windows = self.role.get(definition);
        let stride = windows.last().unwrap().duration_ms();
        let now = now.saturating_add_signed(i64::try_from(stride).unwrap() * i64::from(self.step) / 60);
        (now, definition, windows)
    }

    fn request<'a>(&self, definition: &Definition, windows: &'a [Limit]) -> Request<'a> {
        let smallest = windows.iter().map(|limit| limit.max_req()).min().unwrap();
        let cost = cost_of(smallest, self.share);
        Request { limit: windows[0], shorter: &windows[1..], cost, keep_ms: longest(definition) }
    }
}

/// Usually 1, sometimes a larger part of `max_req`.
fn cost_of(max_req: u32, share: u8) -> u32 {
    if share < 60 { 1 } else { (u64::from(max_req) * u64::from(share - 59) / 41).max(1).try_into().unwrap() }
}

const START: u64 = 1_000_000_000_000;

#[test]
fn the_wait_after_a_denial_is_exact() {
    let limit = limit(2, 1000);
    let mut window = Window::default();
    assert!(window.acquire(10_000, &request(limit, 1)).admitted);
    assert!(window.acquire(10_400, &request(limit, 1)).admitted);
    let denied = window.acquire(10_500, &request(limit, 1));
    assert_eq!((denied.admitted, denied.retry_after_ms(), denied.frees_at), (false, 500, 11_000));
    assert!(!window.acquire(10_999, &request(limit, 1)).admitted);
    assert!(window.acquire(11_000, &request(limit, 1)).admitted);
}

#[test]
fn a_large_limit_keeps_at_most_129_entries() {
    let limit = limit(100_000, 60_000);
    let mut window = Window::default();
    for now in (1_000_000..1_200_000).step_by(7) {
        window.acquire(now, &request(limit, 1));
        assert!(window.entries() <= 129);
    }
}

#[test]
fn a_window_of_a_year_is_exact_to_the_millisecond() {
    let limit = limit(2, Limit::MAX_DURATION_MS);
    let mut window = Window::default();
    assert!(window.acquire(START, &request(limit, 1)).admitted);
    // More than 49.7 days later, which no 32-bit gap can bridge.
    assert!(window.acquire(START + 10_000_000_000, &request(limit, 1)).admitted);
    let denied = window.acquire(START + 20_000_000_000, &request(limit, 1));
    assert_eq!((denied.admitted, denied.frees_at), (false, START + Limit::MAX_DURATION_MS));
    assert!(window.acquire(START + Limit::MAX_DURATION_MS, &request(limit, 1)).admitted);
    let denied = window.acquire(START + Limit::MAX_DURATION_MS, &request(limit, 1));
    assert_eq!(denied.frees_at, START + 10_000_000_000 + Limit::MAX_DURATION_MS);
}

#[test]
fn refunds_over_long_gaps_leave_the_other_entries_where_they_are() {
    let limit = limit(5, Limit::MAX_DURATION_MS);
    let mut window = Window::default();
    let times = [0, 6_000_000_000, 7_000_000_000, 16_000_000_000, 27_000_000_000].map(|after| START + after);
    let permits = times.map(|time| window.acquire(time, &request(limit, 1)).permit.unwrap());
    let now = times[4];
    for index in [2, 1, 4] {
        assert_eq!(window.refund(now, &permits[index], 1), 1);
        assert_eq!(window.refund(now, &permits[0], 0), 0);
    }
    assert_eq!((window.entries(), window.newest(), window.log.last()), (2, times[4], times[3]));
    let peeked = window.peek(times[3] + Limit::MAX_DURATION_MS - 1, &request(limit, 1));
    assert_eq!((peeked.remaining, peeked.frees_at), (4, times[3] + Limit::MAX_DURATION_MS));
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let most = limit(u32::MAX, Limit::MAX_DURATION_MS);
    let mut window = Window::default();
    let last = u64::MAX - 2 * Limit::MAX_DURATION_MS;
    assert!(window.acquire(last, &request(most, u32::MAX)).admitted);
    assert!(window.acquire(u64::MAX, &request(limit(1, 1), 1)).admitted);
}

#[test]
fn a_saturated_entry_refunds_nothing_because_it_may_represent_more() {
    let (long, short) = (limit(u32::MAX, 100_000), limit(u32::MAX, 1));
    let mut window = Window::default();
    let full = Request { limit: short, shorter: &[], cost: u32::MAX, keep_ms: long.duration_ms() };
    assert!(window.acquire(START, &full).admitted);
    let permit = window.acquire(START + 1, &full).permit.unwrap();
    assert_eq!(window.refund(START + 1, &permit, u32::MAX), 0);
    assert!(!window.acquire(START + 2, &request(long, 1)).admitted);
}

#[test]
fn a_permit_is_freed_within_a_duration_of_the_decision_however_early_its_caller_read_the_clock() {
    let limit = limit(2, 60_000);
    let mut window = Window::default();
    assert_eq!(window.acquire(1000, &request(limit, 1)).frees_in_ms, 60_000);
    // Another process was faster: the slot's time has passed the time that this caller read.
    let late = window.acquire(995, &request(limit, 1));
    assert_eq!((late.frees_at, late.frees_in_ms), (61_000, 60_000));
    let denied = window.acquire(995, &request(limit, 1));
    assert_eq!((denied.admitted, denied.frees_in_ms, denied.retry_after_ms()), (false, 60_000, 60_000));
    assert_eq!(window.peek(61_000, &request(limit, 1)).frees_in_ms, 0);
}
