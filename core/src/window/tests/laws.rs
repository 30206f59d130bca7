//! The laws L1 to L8, each as a property.

use super::super::reference::Reference;
use super::*;

/// Acquires from one window for each of `calls`, a time step and a share of the limit. Returns the time that the window
/// used, the cost and the result of each.
fn play(limit: Limit, calls: &[(i8, u8)]) -> Vec<(u64, u32, Acquired)> {
    let mut window = Window::default();
    let mut now = START;
    let played = calls.iter().map(|(step, share)| {
        let stride = (limit.duration_ms() / 40).max(1);
        now = now.saturating_add_signed(i64::from(*step) * i64::try_from(stride).unwrap() / 20);
        let cost = cost_of(limit.max_req(), *share);
        let held = now.max(window.newest());
        (held, cost, window.acquire(now, &request(limit, cost)))
    });
    played.collect()
}

/// Time steps as shares of a duration, mostly forward, and costs as shares of a limit.
fn steps() -> impl Strategy<Value = Vec<(i8, u8)>> {
    prop::collection::vec((-20..=100_i8, 0..=100_u8), 1..400)
}

proptest! {
    #[test]
    fn every_decision_is_that_of_the_reference(
        definitions in definitions(), calls in calls(every_kind(), 900),
    ) {
        let (mut window, mut reference, mut permits) = (Window::default(), Reference::default(), Vec::new());
        let mut now = START;
        for call in calls {
            let (time, definition, windows) = call.resolve(now, &definitions);
            now = time;
            let request = call.request(definition, windows);
            match call.kind {
                Kind::Acquire => {
                    let acquired = window.acquire(now, &request);
                    prop_assert_eq!(acquired, reference.acquire(now, request, false));
                    permits.extend(acquired.permit);
                }
                Kind::Peek => prop_assert_eq!(window.peek(now, &request), reference.acquire(now, request, true)),
                Kind::Refund if permits.is_empty() => {}
                Kind::Refund => {
                    let permit = call.permit.get(&permits);
                    let cost = (permit.cost * u32::from(call.share) / 100).max(1);
                    prop_assert_eq!(window.refund(now, permit, cost), reference.refund(now, permit, cost));
                }
            }
            prop_assert_eq!((window.entries(), window.newest()), (reference.len(), reference.newest()));
            prop_assert!(window.entries() <= 256);
        }
    }

    #[test]
    fn l1_no_window_of_any_definition_holds_more_than_its_limit(
        definitions in definitions(),
        calls in calls(prop_oneof![4 => Just(Kind::Acquire), 1 => Just(Kind::Refund)], 600),
    ) {
        let (mut window, mut model, mut permits) = (Window::default(), Model::default(), Vec::new());
        // When each definition was first used since the slot was last empty.
        let mut since = vec![None; definitions.len()];
        let mut now = START;
        for call in calls {
            let (time, definition, windows) = call.resolve(now, &definitions);
            now = time;
            let held = now.max(window.newest());
            if window.ends_at() <= held {
                since.fill(None);
            }
            if call.kind == Kind::Refund {
                // Newest first: the entry of an older permit may be another's by now.
                let Some((permit, admission)) = permits.pop() else { continue };
                let (_, cost): &mut (u64, u32) = &mut model.admitted[admission];
                *cost -= window.refund(now, &permit, 1);
                continue;
            }
            let request = call.request(definition, windows);
            let Some(permit) = window.acquire(now, &request).permit else { continue };
            permits.push((permit, model.admitted.len()));
            model.admitted.push((held, request.cost));
            let index = call.definition.index(definitions.len());
            let exact_from = *since[index].get_or_insert(held) + longest(definition);
            if held >= exact_from {
                for limit in windows {
                    prop_assert!(model.cost(held, limit.duration_ms()) <= u64::from(limit.max_req()));
                }
            }
        }
    }

    #[test]
    fn l2_a_denial_is_right_for_exact_times_too(limit in limits(), calls in steps()) {
        let mut model = Model::default();
        for (time, cost, acquired) in play(limit, &calls) {
            if acquired.admitted {
                model.admitted.push((time, cost));
            } else {
                prop_assert!(model.has_no_room(time, grain(limit), limit, cost));
            }
        }
    }

    #[test]
    fn l3_denials_and_peeks_change_nothing(
        definitions in definitions(),
        calls in calls(prop_oneof![3 => Just(Kind::Acquire), 1 => Just(Kind::Peek)], 400),
    ) {
        let (mut asked, mut spared) = (Window::default(), Window::default());
        let mut now = START;
        for call in calls {
            let (time, definition, windows) = call.resolve(now, &definitions);
            now = time;
            let request = call.request(definition, windows);
            if call.kind == Kind::Peek {
                asked.peek(now, &request);
                continue;
            }
            let acquired = asked.acquire(now, &request);
            if acquired.admitted {
                prop_assert_eq!(spared.acquire(now, &request), acquired);
            }
        }
    }

    #[test]
    fn l4_a_smaller_time_is_held_at_the_newest_admission(
        limit in limits(), back in 1..10_000_u64, refunded in any::<bool>(),
    ) {
        let (mut stepped, mut held) = (Window::default(), Window::default());
        for window in [&mut stepped, &mut held] {
            window.acquire(START - 1, &request(limit, 1));
            if let (Some(permit), true) = (window.acquire(START, &request(limit, 1)).permit, refunded) {
                window.refund(START, &permit, 1);
            }
        }
        let newest = stepped.newest();
        let acquired = stepped.acquire(newest - back, &request(limit, 1));
        prop_assert_eq!(acquired, held.acquire(newest, &request(limit, 1)));
    }

    #[test]
    fn l5_a_higher_limit_admits_a_superset(
        (lower, higher) in prop_oneof![(1..=128_u32, 1..=128_u32), (129..=2000_u32, 129..=2000_u32)],
        duration in prop_oneof![1..=50_u64, Just(1000)],
        steps in prop::collection::vec(0..=30_u64, 1..600),
    ) {
        let (lower, higher) = (limit(lower.min(higher), duration), limit(lower.max(higher), duration));
        let (mut below, mut above) = (Window::default(), Window::default());
        let mut now = START;
        for step in steps {
            now += step.saturating_sub(20);
            let denied_above = !above.acquire(now, &request(higher, 1)).admitted;
            prop_assert!(!(below.acquire(now, &request(lower, 1)).admitted && denied_above));
        }
    }

    #[test]
    fn l7_a_request_is_admitted_if_and_only_if_each_window_has_room(
        definitions in definitions(), calls in calls(Just(Kind::Acquire), 400),
    ) {
        let mut window = Window::default();
        let mut now = START;
        for call in calls {
            let (time, definition, windows) = call.resolve(now, &definitions);
            now = time;
            let request = call.request(definition, windows);
            let alone = |limit: &Limit| window.peek(now, &Request { limit: *limit, shorter: &[], ..request });
            let each_has_room = windows.iter().all(|limit| alone(limit).admitted);
            prop_assert_eq!(window.acquire(now, &request).admitted, each_has_room);
        }
    }

    #[test]
    fn l8_a_refund_undoes_an_admission(
        definitions in definitions(),
        before in calls(Just(Kind::Acquire), 100),
        undone in calls(Just(Kind::Acquire), 3),
        after in calls(every_kind(), 100),
    ) {
        let definitions = &definitions[..1];
        let (mut plain, mut undoing) = (Window::default(), Window::default());
        let mut now = START;
        for call in before {
            let (time, definition, windows) = call.resolve(now, definitions);
            now = time;
            let request = call.request(definition, windows);
            prop_assert_eq!(plain.acquire(now, &request), undoing.acquire(now, &request));
        }
        now = now.max(plain.newest());
        for call in undone {
            let (time, definition, windows) = call.resolve(now, definitions);
            now = now.max(time);
            if let Some(permit) = undoing.acquire(now, &call.request(definition, windows)).permit {
                prop_assert_eq!(undoing.refund(now, &permit, permit.cost), permit.cost);
            }
        }
        for call in after {
            let (time, definition, windows) = call.resolve(now, definitions);
            now = now.max(time);
            let request = call.request(definition, windows);
            if call.kind == Kind::Acquire {
                prop_assert_eq!(plain.acquire(now, &request), undoing.acquire(now, &request));
            } else {
                prop_assert_eq!(plain.peek(now, &request), undoing.peek(now, &request));
            }
        }
    }
}
