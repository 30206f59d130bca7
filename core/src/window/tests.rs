use proptest::prelude::*;

use super::*;

/// The rules in their plainest form: every admission with its true time, nothing forgotten, nothing rounded.
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
}

fn grain(limit: Limit) -> u64 {
    if limit.max_req() <= 128 { 1 } else { limit.duration_ms().div_ceil(128) }
}

fn request(limit: Limit, cost: u32) -> Request {
    Request { limit, cost, keep_ms: limit.duration_ms() }
}

fn limits() -> impl Strategy<Value = Limit> {
    let max_req = prop_oneof![1..=4_u32, 1..=128_u32, 129..=1000_u32, Just(u32::MAX)];
    let duration = prop_oneof![1..=50_u64, Just(1000), Just(12_800), Just(Limit::MAX_DURATION_MS)];
    (max_req, duration).prop_map(|(max_req, duration)| Limit::new(max_req, duration).unwrap())
}

/// Steps in time as shares of a duration, mostly forward, and costs as shares of a limit.
fn calls() -> impl Strategy<Value = Vec<(i8, u8)>> {
    prop::collection::vec((-20..=100_i8, 0..=100_u8), 1..400)
}

/// Plays `calls` under `limit`; each time is what the window holds it at.
fn play(limit: Limit, calls: &[(i8, u8)]) -> Vec<(u64, u32, Taken)> {
    let mut window = Window::default();
    let mut now = 1_000_000_000_000_u64;
    let played = calls.iter().map(|(step, share)| {
        let stride = (limit.duration_ms() / 40).max(1);
        now = now.saturating_add_signed(i64::from(*step) * i64::try_from(stride).unwrap() / 20);
        let cost = cost_of(limit, *share);
        let held = now.max(window.newest());
        (held, cost, window.take(now, request(limit, cost)))
    });
    played.collect()
}

/// Mostly 1, sometimes a larger part of the limit.
fn cost_of(limit: Limit, share: u8) -> u32 {
    if share < 60 {
        1
    } else {
        (u64::from(limit.max_req()) * u64::from(share - 59) / 41).max(1).try_into().unwrap()
    }
}

proptest! {
    #[test]
    fn l1_a_window_never_holds_more_than_its_limit(limit in limits(), calls in calls()) {
        let mut model = Model::default();
        for (time, cost, taken) in play(limit, &calls) {
            if taken.admitted {
                model.admitted.push((time, cost));
                prop_assert!(model.cost(time, limit.duration_ms()) <= u64::from(limit.max_req()));
            }
        }
    }

    #[test]
    fn l2_a_denial_is_right_for_exact_times_too(limit in limits(), calls in calls()) {
        let mut model = Model::default();
        for (time, cost, taken) in play(limit, &calls) {
            if taken.admitted {
                model.admitted.push((time, cost));
                continue;
            }
            // Only what entered can change the sum: look where entries leave, and at both ends.
            let (least, most) = (time - grain(limit) + 1, time);
            let leaves = model.admitted.iter().map(|(at, _)| at + limit.duration_ms() - 1);
            let mut moments = leaves.filter(|moment| (least..=most).contains(moment)).chain([least, most]);
            let right = moments.any(|moment| {
                let used = model.cost_after(moment.saturating_sub(limit.duration_ms()));
                used + u64::from(cost) > u64::from(limit.max_req())
            });
            prop_assert!(right);
        }
    }

    #[test]
    fn l3_a_denial_takes_nothing(limit in limits(), calls in calls()) {
        let played = play(limit, &calls);
        let mut window = Window::default();
        for (time, cost, taken) in played.into_iter().filter(|(_, _, taken)| taken.admitted) {
            prop_assert_eq!(window.take(time, request(limit, cost)), taken);
        }
    }

    #[test]
    fn l4_a_smaller_time_is_held_at_the_newest_admission(limit in limits(), back in 1..10_000_u64) {
        let now = 1_000_000_000_u64;
        let (mut stepped, mut held) = (Window::default(), Window::default());
        for window in [&mut stepped, &mut held] {
            window.take(now, request(limit, 1));
        }
        let answers = [stepped.take(now - back, request(limit, 1)), held.take(now, request(limit, 1))];
        prop_assert_eq!(answers[0].admitted, answers[1].admitted);
        prop_assert_eq!(answers[0].frees_at, answers[1].frees_at);
    }

    #[test]
    fn l5_a_higher_limit_admits_a_superset(
        (lower, higher) in prop_oneof![(1..=128_u32, 1..=128_u32), (129..=2000_u32, 129..=2000_u32)],
        duration in prop_oneof![1..=50_u64, Just(1000)],
        steps in prop::collection::vec(0..=30_u64, 1..600),
    ) {
        let limit = |max_req| Limit::new(max_req, duration).unwrap();
        let (lower, higher) = (limit(lower.min(higher)), limit(lower.max(higher)));
        let (mut below, mut above) = (Window::default(), Window::default());
        let mut now = 1_000_000;
        for step in steps {
            now += step.saturating_sub(20);
            let denied_above = !above.take(now, request(higher, 1)).admitted;
            prop_assert!(!(below.take(now, request(lower, 1)).admitted && denied_above));
        }
    }

    #[test]
    fn under_changing_limits_no_window_is_over_and_no_log_is_long(
        limits in prop::collection::vec(limits(), 1..4),
        calls in prop::collection::vec((any::<prop::sample::Index>(), 0..=40_u64, 0..=100_u8), 1..800),
    ) {
        let keep_ms = limits.iter().map(|limit| limit.duration_ms()).max().unwrap();
        let (mut window, mut model) = (Window::default(), Model::default());
        let mut now = 1_000_000_000;
        for (which, step, share) in calls {
            let limit = *which.get(&limits);
            now += step * limit.duration_ms() / 200;
            let cost = cost_of(limit, share);
            if window.take(now, Request { limit, cost, keep_ms }).admitted {
                model.admitted.push((now, cost));
                prop_assert!(model.cost(now, limit.duration_ms()) <= u64::from(limit.max_req()));
            }
            prop_assert!(window.entries() <= 256 + 8);
        }
    }
}

#[test]
fn the_wait_after_a_denial_is_exact() {
    let limit = Limit::new(2, 1000).unwrap();
    let mut window = Window::default();
    assert!(window.take(10_000, request(limit, 1)).admitted);
    assert!(window.take(10_400, request(limit, 1)).admitted);
    let denied = window.take(10_500, request(limit, 1));
    assert_eq!((denied.admitted, denied.retry_after_ms, denied.frees_at), (false, 500, 11_000));
    assert!(!window.take(10_999, request(limit, 1)).admitted);
    assert!(window.take(11_000, request(limit, 1)).admitted);
}

#[test]
fn a_large_limit_keeps_at_most_129_entries() {
    let limit = Limit::new(100_000, 60_000).unwrap();
    let mut window = Window::default();
    for now in (1_000_000..1_200_000).step_by(7) {
        window.take(now, request(limit, 1));
        assert!(window.entries() <= 129);
    }
}

#[test]
fn a_window_of_a_year_is_exact_to_the_millisecond() {
    let limit = Limit::new(2, Limit::MAX_DURATION_MS).unwrap();
    let mut window = Window::default();
    let start = 1_790_000_000_000;
    assert!(window.take(start, request(limit, 1)).admitted);
    // Over 49.7 days later, which no 32-bit gap bridges.
    assert!(window.take(start + 10_000_000_000, request(limit, 1)).admitted);
    let denied = window.take(start + 20_000_000_000, request(limit, 1));
    assert_eq!((denied.admitted, denied.frees_at), (false, start + Limit::MAX_DURATION_MS));
    assert!(window.take(start + Limit::MAX_DURATION_MS, request(limit, 1)).admitted);
    let denied = window.take(start + Limit::MAX_DURATION_MS, request(limit, 1));
    assert_eq!(denied.frees_at, start + 10_000_000_000 + Limit::MAX_DURATION_MS);
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let limit = Limit::new(u32::MAX, Limit::MAX_DURATION_MS).unwrap();
    let mut window = Window::default();
    let last = u64::MAX - 2 * Limit::MAX_DURATION_MS;
    assert!(window.take(last, request(limit, u32::MAX)).admitted);
    let denied = window.take(u64::MAX, request(Limit::new(1, 1).unwrap(), 1));
    assert!(denied.admitted);
}
