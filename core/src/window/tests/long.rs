//! Long histories with several definitions: what merging may cost.

use super::*;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

#[test]
fn an_upgraded_key_is_not_locked_out() {
    let (free, upgraded) = (limit(100, MINUTE), limit(2000, DAY));
    let mut window = Window::default();
    let ask = |limit| Request { limit, shorter: &[], cost: 1, keep_ms: DAY };
    let mut now = START;
    for _ in 0..3 * 24 * 60 {
        now += MINUTE;
        assert!(window.acquire(now, &ask(free)).admitted);
    }
    for minute in 0..24 * 60 {
        now += MINUTE;
        assert!(window.acquire(now, &ask(upgraded)).admitted, "denied {minute} minutes after the upgrade");
    }
}

#[test]
fn two_definitions_at_once_never_over_admit() {
    let (slow, fast) = (limit(10, 3000), limit(6, 100));
    let mut window = Window::default();
    let mut model = Model::default();
    for now in (START..START + 12_000).step_by(10) {
        for limit in [slow, fast] {
            if window.acquire(now, &request(limit, 1)).admitted {
                model.admitted.push((now, 1));
                assert!(model.cost(now, limit.duration_ms()) <= u64::from(limit.max_req()));
            }
        }
    }
    // The shorter definition proceeds at its own pace, and a longer one does not hide its admissions.
    assert!(model.admitted.len() > 600);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn merging_denies_at_most_a_tenth_of_a_duration_longer(
        durations in prop::collection::btree_set(prop_oneof![1000..=5000_u64, Just(MINUTE), Just(60 * MINUTE), Just(DAY)], 2..=4),
        shares in prop::collection::vec(1..=128_u32, 4),
        paces in prop::collection::vec((1..=500_u64, prop::sample::select(vec![1_u64, 20, 400, 8000, 200_000])), 1..8),
        seed in any::<u64>(),
    ) {
        let windows: Vec<_> = durations.iter().zip(shares).map(|(duration, most)| limit(most, *duration)).collect();
        let keep_ms = windows.last().unwrap().duration_ms();
        let (mut window, mut model) = (Window::default(), Model::default());
        let (mut now, mut random) = (START, seed | 1);
        for (calls, pace) in paces {
            for _ in 0..calls {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                now += 1 + (random >> 33) % (2 * pace);
                let limit = windows[usize::try_from(random >> 13).unwrap() % windows.len()];
                if window.acquire(now, &Request { limit, shorter: &[], cost: 1, keep_ms }).admitted {
                    model.admitted.push((now, 1));
                    prop_assert!(model.cost(now, limit.duration_ms()) <= u64::from(limit.max_req()));
                } else {
                    prop_assert!(model.has_no_room(now, 1 + limit.duration_ms() / 10, limit, 1));
                }
                prop_assert!(window.entries() <= 256);
            }
        }
    }
}
