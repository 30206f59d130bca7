use super::*;
use crate::clock::ManualClock;
use crate::metering::Period;
use crate::store::{Bounds, DEFAULT_TENANT, Quota, SumOf, UsageSum};

const DAY_MS: u64 = 24 * 3_600_000;

fn recorder() -> Recorder {
    Recorder { queue: Queue::new() }
}

fn usage(quantity: i64, asked: Asked) -> Usage {
    Usage {
        tenant: DEFAULT_TENANT,
        key: None,
        service: "s".to_owned(),
        action: "a".to_owned(),
        quantity,
        metadata: None,
        idempotency: None,
        asked,
        recheck: Box::new(|_, _| Ok(())),
    }
}

/// A request that is identified by its quantity.
fn under(key: &str, quantity: u8) -> Usage {
    let idempotency = Idempotency { key: key.to_owned(), request: [quantity; 32] };
    Usage { idempotency: Some(idempotency), ..usage(quantity.into(), Asked::ForRoom) }
}

fn sum(store: &Store, period: Period, now: i64) -> UsageSum {
    let subject = DEFAULT_TENANT.to_string();
    let of = SumOf { subject: &subject, period: period.as_str(), starts: period.bucket(now).starts };
    store.read_rows(|rows| rows.usage_sum(&of)).unwrap()
}

fn limit(store: &Store, limit: i64, period: &'static str) {
    store.write(|tx| tx.set_tenant_quota(DEFAULT_TENANT, Quota { limit: Some(limit), period })).unwrap();
}

#[test]
fn every_event_of_a_commit_has_its_own_result() {
    let store = Store::in_memory().unwrap();
    limit(&store, 5, "month");
    let clock = Clock::Manual(ManualClock::new());
    let absent = TenantId::from_bits(7);
    let usages = vec![
        under("k", 3),
        under("k", 3),
        under("k", 4),
        usage(3, Asked::ForRoom),
        Usage { tenant: absent, ..usage(1, Asked::ForRoom) },
        Usage { key: Some(KeyId::from_bits(7)), ..usage(1, Asked::ForRoom) },
        under("full", 9),
        under("full", 2),
        usage(1, Asked::ForRoom),
        usage(1, Asked::ToRecord),
    ];
    let outcomes = Recorder::record_all(&store, &clock, usages, None);
    let said: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(Recorded { quota, .. }) => (200, quota.as_ref().map(|quota| quota.used)),
            Err(error) => (error.status(), None),
        })
        .collect();
    assert_eq!(
        said,
        [
            (200, Some(3)),
            (200, Some(3)),
            (409, None),
            (402, None),
            (404, None),
            (404, None),
            (402, None),
            (200, Some(5)),
            (402, None),
            (200, None)
        ]
    );
    let ids: Vec<_> = outcomes.into_iter().filter_map(|outcome| Some(outcome.ok()?.event.id)).collect();
    assert!(ids[0] == ids[1] && ids[1] < ids[2] && ids[2] < ids[3]);
    let now = i64::try_from(clock.wall_ms()).unwrap();
    assert_eq!(sum(&store, Period::Month, now), UsageSum { quantity: 6, events: 3 });
}

#[test]
fn a_failed_commit_fails_exactly_the_events_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let store = Store::on_file(path);
    let (recorder, clock) = (recorder(), Clock::System);
    assert!(recorder.record(&store, &clock, usage(1, Asked::ToRecord), None).is_ok());
    store.run_script(
        "CREATE TRIGGER broken BEFORE INSERT ON usage_events WHEN NEW.quantity = 3
         BEGIN SELECT RAISE(ABORT, 'canary'); END",
    );
    let usages = (1..5).map(|quantity| usage(quantity, Asked::ToRecord)).collect();
    for outcome in Recorder::record_all(&store, &clock, usages, None) {
        let error = outcome.err().unwrap();
        assert_eq!(error.status(), 503);
        assert!(!error.message().contains("canary"));
    }
    assert!(recorder.record(&store, &clock, usage(2, Asked::ToRecord), None).is_ok());
    let now = i64::try_from(clock.wall_ms()).unwrap();
    assert_eq!(sum(&store, Period::Month, now), UsageSum { quantity: 3, events: 2 });
}

#[test]
fn a_clock_set_back_counts_in_the_month_it_shows_and_later_events_have_later_ids() {
    let store = Store::in_memory().unwrap();
    limit(&store, 3, "month");
    let (recorder, before) = (recorder(), ManualClock::new());
    let after = before.stepping();
    after.advance(31 * DAY_MS);
    let (before, after) = (Clock::Manual(before), Clock::Manual(after));
    let mut last = EventId::from_bits(0);
    for (clock, expected) in [(&after, 2), (&before, 2), (&after, 3), (&before, 3)] {
        let quantity = if expected == 2 { 2 } else { 1 };
        let Recorded { event, quota } =
            recorder.record(&store, clock, usage(quantity, Asked::ForRoom), None).unwrap();
        assert_eq!(quota.map(|quota| quota.used), Some(expected));
        assert!(event.id > last);
        last = event.id;
    }
    for clock in [&after, &before] {
        assert_eq!(
            recorder.record(&store, clock, usage(1, Asked::ForRoom), None).err().map(|error| error.status()),
            Some(402)
        );
        let now = i64::try_from(clock.wall_ms()).unwrap();
        assert_eq!(sum(&store, Period::Month, now), UsageSum { quantity: 3, events: 2 });
    }
}

#[test]
fn old_events_are_deleted_in_batches_with_each_commit_and_their_totals_are_kept() {
    let store = Store::in_memory().unwrap();
    let hand = ManualClock::new();
    let (recorder, clock) = (recorder(), Clock::Manual(hand.clone()));
    let retention = Some(Retention::of_days(1).unwrap());
    let start = i64::try_from(clock.wall_ms()).unwrap();
    let kept = || {
        let bounds = Bounds { rows: 100, bytes: usize::MAX };
        let events = store.read_rows(|rows| rows.usage_events(DEFAULT_TENANT, None, None, bounds)).unwrap();
        events.rows.len()
    };
    let old = (0..40).map(|_| usage(1, Asked::ToRecord)).collect();
    Recorder::record_all(&store, &clock, old, retention);
    let record = |usage| recorder.record(&store, &clock, usage, retention).map(|recorded| recorded.event.id);
    let first = record(under("k", 1)).unwrap();
    hand.advance(DAY_MS);
    // Exact to the millisecond: an event that is a day old is not older than a day.
    assert_eq!((record(under("k", 1)).unwrap(), kept()), (first, 41));
    hand.advance(1);
    record(usage(1, Asked::ToRecord)).unwrap();
    assert_eq!(kept(), 42 - 18);
    for _ in 0..2 {
        record(usage(1, Asked::ToRecord)).unwrap();
    }
    assert_eq!(kept(), 3);
    // The idempotency key is deleted with its event.
    assert_ne!(record(under("k", 2)).unwrap(), first);
    let months =
        [start, i64::try_from(clock.wall_ms()).unwrap()].map(|now| sum(&store, Period::Month, now).events);
    assert!(months == [45, 45] || months.iter().sum::<i64>() == 45);
}
