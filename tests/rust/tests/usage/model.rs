//! Random histories, compared with a model.

use std::collections::HashMap;

use gatekeeper::usage::{Period, UsageEvent, UsageInput};
use proptest::prelude::*;

use crate::fixture::Fixture;

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Record { key: Option<usize>, quantity: i64, idempotency: Option<u8> },
    CheckAndRecord { key: Option<usize>, quantity: i64, idempotency: Option<u8> },
    Advance(u64),
    Limit(Option<i64>, Period),
}

fn step() -> impl Strategy<Value = Step> {
    let usage = || (proptest::option::of(0..2_usize), 1..6_i64, proptest::option::weighted(0.3, 0..6_u8));
    let hour = 3_600_000_u64;
    prop_oneof![
        4 => usage().prop_map(|(key, quantity, idempotency)| Step::Record { key, quantity, idempotency }),
        6 => usage().prop_map(|(key, quantity, idempotency)| Step::CheckAndRecord { key, quantity, idempotency }),
        2 => prop_oneof![0..2 * hour, Just(24 * hour), 20 * 24 * hour..40 * 24 * hour].prop_map(Step::Advance),
        1 => (proptest::option::of(0..30_i64), prop_oneof![Just(Period::Hour), Just(Period::Day), Just(Period::Month)])
            .prop_map(|(limit, period)| Step::Limit(limit, period)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_quotas_are_those_of_a_model_whatever_happens(steps in prop::collection::vec(step(), 1..80)) {
        let (fixture, clock) = Fixture::with_clock();
        let keys = [fixture.key().0, fixture.key().0];
        let mut events: Vec<UsageEvent> = Vec::new();
        let mut under_key: HashMap<u8, (Option<usize>, i64, UsageEvent)> = HashMap::new();
        let mut limit = (None, Period::Month);
        for step in steps {
            // The current bucket is the one in the summary. Separate tests check the arithmetic of months.
            let used = |period| {
                let summary = fixture.summary(period);
                let now = events.iter().filter(|event| (summary.from..summary.to).contains(&event.created_at));
                (now.map(|event| event.quantity).sum::<i64>(), summary)
            };
            for period in [Period::Hour, Period::Day, Period::Month] {
                let (total, summary) = used(period);
                prop_assert_eq!(summary.total_usage, total);
            }
            match step {
                Step::Advance(ms) => clock.advance(ms),
                Step::Limit(most, period) => {
                    limit = (most, period);
                    fixture.quota(most, period);
                }
                Step::Record { key, quantity, idempotency } | Step::CheckAndRecord { key, quantity, idempotency } => {
                    let input = UsageInput {
                        api_key_id: key.map(|key| keys[key]),
                        idempotency_key: idempotency.map(|key| key.to_string()),
                        ..fixture.input(quantity)
                    };
                    let for_room = matches!(step, Step::CheckAndRecord { .. });
                    let answer = if for_room {
                        fixture.check_and_record(input).map(|(event, _)| event)
                    } else {
                        fixture.record(input)
                    };
                    let known = idempotency.and_then(|key| under_key.get(&key));
                    let is_over = limit.0.is_some_and(|most| used(limit.1).0 + quantity > most);
                    match (known, answer) {
                        (Some((k, q, first)), Ok(event)) => prop_assert!((*k, *q) == (key, quantity) && event == *first),
                        (Some((k, q, _)), Err(error)) => {
                            prop_assert!((*k, *q) != (key, quantity) && error.status() == 409);
                        }
                        (None, Err(error)) => prop_assert!(for_room && is_over && error.status() == 402),
                        (None, Ok(event)) => {
                            prop_assert!(!(for_room && is_over));
                            if let Some(idempotency) = idempotency {
                                under_key.insert(idempotency, (key, quantity, event.clone()));
                            }
                            events.push(event);
                        }
                    }
                }
            }
        }
        let listed = fixture.events(None, 7);
        events.reverse();
        prop_assert_eq!(&listed, &events);
        for key in keys {
            if events.iter().any(|event| event.api_key_id == Some(key)) {
                let own: Vec<_> = events.iter().filter(|event| event.api_key_id == Some(key)).cloned().collect();
                prop_assert_eq!(fixture.events(Some(key), 3), own);
            }
        }
    }
}
