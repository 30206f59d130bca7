//! Usage events and sums.

use super::{EVERYTHING, TENANT, add_key, add_tenant, key_id};
use crate::id::{EventId, KeyId};
use crate::store::{Bounds, Creator, Quota, Store, SumOf, UsageRow, UsageSum};

pub(super) fn event(number: u128, key: Option<u128>, idempotency_key: Option<&str>) -> UsageRow {
    UsageRow {
        id: EventId::from_bits(number),
        tenant_id: TENANT,
        api_key_id: key.map(KeyId::from_bits),
        service: "inference".to_owned(),
        action: "completion".to_owned(),
        quantity: 3,
        metadata: Some(r#"{"a":1}"#.to_owned()),
        idempotency_key: idempotency_key.map(str::to_owned),
        request: idempotency_key.map(|_| [7; 32]),
        created_at: 5,
    }
}

fn ids(store: &Store, key: Option<u128>, before: Option<u128>, bounds: Bounds) -> Vec<u128> {
    let (key, before) = (key.map(KeyId::from_bits), before.map(EventId::from_bits));
    let part = store.read_rows(|rows| rows.usage_events(TENANT, key, before, bounds)).unwrap();
    part.rows.into_iter().map(|row| row.id.bits()).collect()
}

pub(super) fn an_event_is_read_as_it_was_recorded(store: &Store) {
    add_tenant(store);
    assert!(store.write(|tx| tx.add_usage_events(&[event(1, Some(9), Some("k"))])).unwrap());
    let read = store.read_rows(|rows| rows.usage_event_under(TENANT, "k")).unwrap().unwrap();
    assert_eq!((read.id.bits(), read.tenant_id, read.api_key_id), (1, TENANT, Some(key_id(9))));
    assert_eq!((&*read.service, &*read.action, read.quantity), ("inference", "completion", 3));
    assert_eq!(
        (read.metadata.as_deref(), read.request, read.created_at),
        (Some(r#"{"a":1}"#), Some([7; 32]), 5)
    );
    assert!(store.read_rows(|rows| rows.usage_event_under(TENANT, "other")).unwrap().is_none());
}

pub(super) fn events_are_read_newest_first_of_a_tenant_or_a_key(store: &Store) {
    add_tenant(store);
    let events = [event(1, Some(9), None), event(2, None, None), event(3, Some(9), None)];
    assert!(store.write(|tx| tx.add_usage_events(&events)).unwrap());
    assert_eq!(ids(store, None, None, EVERYTHING), [3, 2, 1]);
    assert_eq!(ids(store, Some(9), None, EVERYTHING), [3, 1]);
    assert_eq!(ids(store, None, Some(3), Bounds { rows: 1, ..EVERYTHING }), [2]);
    assert_eq!(ids(store, Some(9), Some(3), EVERYTHING), [1]);
}

pub(super) fn many_events_are_added_at_once(store: &Store) {
    add_tenant(store);
    for (first, count) in [(1, 1), (101, 15), (201, 16), (301, 17), (401, 40)] {
        let events: Vec<_> = (first..first + count).map(|number| event(number, None, None)).collect();
        assert!(store.write(|tx| tx.add_usage_events(&events)).unwrap());
    }
    assert!(store.write(|tx| tx.add_usage_events(&[])).unwrap());
    assert_eq!(ids(store, None, None, EVERYTHING).len(), 1 + 15 + 16 + 17 + 40);
}

pub(super) fn an_idempotency_key_is_of_one_event_of_a_tenant(store: &Store) {
    add_tenant(store);
    assert!(store.write(|tx| tx.add_usage_events(&[event(1, None, Some("k"))])).unwrap());
    assert!(!store.write(|tx| tx.add_usage_events(&[event(2, None, Some("k"))])).unwrap());
    let other = UsageRow { tenant_id: crate::store::DEFAULT_TENANT, ..event(3, None, Some("k")) };
    assert!(store.write(|tx| tx.add_usage_events(&[other])).unwrap());
    assert!(store.write(|tx| tx.add_usage_events(&[event(4, None, None), event(5, None, None)])).unwrap());
    assert_eq!(ids(store, None, None, EVERYTHING), [5, 4, 1]);
}

pub(super) fn events_are_removed_oldest_first(store: &Store) {
    add_tenant(store);
    let events: Vec<_> = (1..=5).map(|number| event(number, None, None)).collect();
    store.write(|tx| tx.add_usage_events(&events)).unwrap();
    let remove = |before, limit| {
        let before = EventId::from_bits(before);
        store.write(|tx| tx.remove_usage_events_before(before, limit)).unwrap()
    };
    assert_eq!((remove(5, 2), ids(store, None, None, EVERYTHING)), (2, vec![5, 4, 3]));
    assert_eq!((remove(5, 9), ids(store, None, None, EVERYTHING)), (2, vec![5]));
}

pub(super) fn sums_add_up_by_bucket(store: &Store) {
    let of = |subject, starts| SumOf { subject, period: "hour", starts };
    let add = |of: &SumOf<'_>, quantity| {
        store.write(|tx| tx.add_to_usage_sum(of, UsageSum { quantity, events: 1 }, None)).unwrap()
    };
    assert!(add(&of("a", 0), 3) && add(&of("a", 0), 4) && add(&of("a", 1), 5) && add(&of("b", 0), 6));
    let sum = |of: &SumOf<'_>| store.read_rows(|rows| rows.usage_sum(of)).unwrap();
    assert_eq!(sum(&of("a", 0)), UsageSum { quantity: 7, events: 2 });
    assert_eq!(sum(&of("a", 1)), UsageSum { quantity: 5, events: 1 });
    assert_eq!(sum(&of("c", 0)), UsageSum::default());
}

pub(super) fn the_quota_of_a_key_names_its_creator(store: &Store) {
    add_tenant(store);
    add_key(store, 1, |key| key.quota = Quota { limit: Some(9), period: "day" });
    let creator = |kind: &'static str| Creator { kind: kind.into(), id: Some(key_id(1).to_string()) };
    add_key(store, 2, |key| key.created_by = creator("apiKey"));
    add_key(store, 3, |key| key.created_by = creator("rootKey"));
    let quota = |number| store.read_rows(|rows| rows.key_quota(key_id(number))).unwrap();
    let read = quota(1).unwrap();
    assert_eq!((read.tenant, read.creator, read.limit, &*read.period), (TENANT, None, Some(9), "day"));
    assert_eq!(quota(2).unwrap().creator, Some(key_id(1)));
    assert!(quota(3).unwrap().creator.is_none() && quota(4).is_none());
}
