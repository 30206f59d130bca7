//! Usage as a caller sees it: recorded once, never over a quota, added up exactly.

mod model;
mod place;

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;

use gatekeeper::{
    CheckAndRecordUsage, CheckQuota, DeleteKey, ErrorKind, Gatekeeper, GatekeeperError, KeyId,
    ListUsageEvents, Period, QuotaLevel, RecordUsage, RemoveTenant, SetTenantQuota, SummarizeUsage,
    UsageInput,
};
use serde_json::{Value, json};

use place::{Place, everywhere, object, under};

#[test]
fn an_event_comes_back_as_it_was_recorded_and_is_added_up() {
    everywhere(|place| {
        let metadata = Some(object(json!({"model": "x", "deep": [1, null, {"a": 1.5}]})));
        let (key, _) = place.key();
        let input = UsageInput { metadata: metadata.clone(), api_key_id: Some(key), ..place.input(7) };
        let event = place.record(under("once", input)).unwrap();
        assert_eq!((event.tenant_id, event.api_key_id, event.quantity), (place.tenant, Some(key), 7));
        assert_eq!((&*event.service, &*event.action), ("inference", "completion"));
        assert_eq!((event.metadata.clone(), event.idempotency_key.as_deref()), (metadata, Some("once")));
        place.record(place.input(3)).unwrap();
        for period in [Period::Hour, Period::Day, Period::Month] {
            let summary = place.summary(period);
            assert_eq!((summary.total_usage, summary.event_count, summary.period), (10, 2, period));
            assert!(summary.from <= event.created_at && event.created_at < summary.to);
        }
        assert_eq!(place.events(Some(key), 50), [event]);
    });
}

#[test]
fn events_are_listed_the_newest_first_in_pages_by_tenant_and_by_key() {
    everywhere(|place| {
        let (key, _) = place.key();
        for quantity in 1..=25 {
            let api_key_id = (quantity % 5 == 0).then_some(key);
            place.record(UsageInput { api_key_id, ..place.input(quantity) }).unwrap();
        }
        let quantities = |key, limit| -> Vec<i64> {
            place.events(key, limit).iter().map(|event| event.quantity).collect()
        };
        assert_eq!(quantities(None, 10), (1..=25).rev().collect::<Vec<_>>());
        assert_eq!(quantities(Some(key), 2), [25, 20, 15, 10, 5]);
        // A key that is gone leaves its events behind.
        let root = place.operator.with_root_key(&place.root);
        root.call_blocking(DeleteKey { id: key.into() }).unwrap();
        assert_eq!(quantities(Some(key), 100), [25, 20, 15, 10, 5]);
    });
}

#[test]
fn a_quota_admits_as_much_as_it_says_and_a_refused_event_leaves_no_trace() {
    everywhere(|place| {
        place.quota(Some(10), Period::Day);
        let (_, quota) = place.check_and_record(place.input(7)).unwrap();
        assert_eq!((quota.level, quota.limit, quota.used), (QuotaLevel::Tenant, Some(10), 7));
        assert_eq!((quota.remaining, quota.period), (Some(3), Period::Day));
        let refused = place.check_and_record(under("k", place.input(4))).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (402, "plan_limit"));
        let resets = place.summary(Period::Day).to;
        assert_eq!(
            refused.details(),
            Some(&json!({"quota": {
                "allowed": false, "level": "tenant", "limit": 10, "used": 7, "remaining": 3, "period": "day", "resetAt": resets
            }}))
        );
        let summary = place.summary(Period::Month);
        assert_eq!((summary.total_usage, summary.event_count), (7, 1));
        assert_eq!(place.events(None, 50).len(), 1);
        // Its key was not used up: another request may have it.
        let (event, quota) = place.check_and_record(under("k", place.input(3))).unwrap();
        assert_eq!((event.quantity, quota.remaining), (3, Some(0)));
        assert_eq!(place.check_and_record(place.input(1)).unwrap_err().status(), 402);
        // What is recorded without being asked goes over; what is left stops at 0.
        place.record(place.input(5)).unwrap();
        let check = place.operator.call_blocking(CheckQuota::new(place.tenant)).unwrap();
        assert_eq!((check.allowed, check.used, check.remaining), (false, 15, Some(0)));
        place.quota(None, Period::Month);
        let check = place.operator.call_blocking(CheckQuota::new(place.tenant)).unwrap();
        assert_eq!((check.allowed, check.level, check.limit), (true, QuotaLevel::Unlimited, None));
        assert_eq!((check.used, check.remaining), (15, None));
    });
}

#[test]
fn the_same_request_under_one_key_counts_once_and_another_is_refused() {
    everywhere(|place| {
        place.quota(Some(10), Period::Month);
        let input = UsageInput { metadata: Some(object(json!({"b": 1, "a": [2.0]}))), ..place.input(4) };
        let (first, _) = place.check_and_record(under("k", input.clone())).unwrap();
        place.record(place.input(6)).unwrap();
        // Equal after defaults and as canonical JSON; by either call; with the quota as it is now.
        let again = UsageInput { metadata: Some(object(json!({"a": [2], "b": 1.0}))), ..input.clone() };
        let (event, quota) = place.check_and_record(under("k", again.clone())).unwrap();
        assert_eq!((&event, quota.used, quota.remaining), (&first, 10, Some(0)));
        assert_eq!(place.record(under("k", again)).unwrap(), first);
        for other in [
            UsageInput { quantity: 5, ..input.clone() },
            UsageInput { action: "other".into(), ..input.clone() },
            UsageInput { metadata: None, ..input.clone() },
            UsageInput { api_key_id: Some(place.key().0), ..input.clone() },
        ] {
            let refused = place.record(under("k", other)).unwrap_err();
            assert_eq!((refused.status(), refused.code()), (409, "conflict"));
        }
        assert_eq!(place.summary(Period::Month).event_count, 2);
        // Another tenant's key of the same name is another key.
        let other = Place::new(place.operator.clone());
        assert_ne!(other.record(under("k", other.input(4))).unwrap().id, first.id);
    });
}

#[test]
fn a_hundred_calls_at_once_under_one_key_are_one_event() {
    everywhere(|place| {
        let start = Barrier::new(100);
        let ids: HashSet<String> = thread::scope(|scope| {
            let calls: Vec<_> = (0..100)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        place.record(under("k", place.input(2))).unwrap().id.to_string()
                    })
                })
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 1);
        let summary = place.summary(Period::Hour);
        assert_eq!((summary.total_usage, summary.event_count), (2, 1));
    });
}

#[test]
fn what_is_out_of_range_is_refused_and_named() {
    let place = Place::new(Gatekeeper::open("memory:").unwrap());
    let call = |name: &str, fields: Value| {
        let mut request = json!({"tenantId": place.tenant});
        request.as_object_mut().unwrap().extend(object(fields));
        place.operator.call_json_blocking(name, &request.to_string())
    };
    let long = "x".repeat(129);
    for (name, fields, field) in [
        ("usage.record", json!({"quantity": 0}), "quantity"),
        ("usage.record", json!({"quantity": -1}), "quantity"),
        ("usage.record", json!({"quantity": 1.5}), "quantity"),
        ("usage.record", json!({"quantity": 1_000_000_001}), "quantity"),
        ("usage.record", json!({"quantity": 1_000_000_000_000_000_000_u64}), "quantity"),
        ("usage.record", json!({"quantity": 10_000_000_000_000_000_000_u64}), "quantity"),
        ("usage.record", json!({"quantity": "1"}), "quantity"),
        ("usage.record", json!({"service": ""}), "service"),
        ("usage.record", json!({"service": long}), "service"),
        ("usage.record", json!({"action": "a\u{0}"}), "action"),
        ("usage.record", json!({"idempotencyKey": ""}), "idempotencyKey"),
        ("usage.record", json!({"idempotencyKey": "x".repeat(257)}), "idempotencyKey"),
        ("usage.record", json!({"metadata": {"a": "\u{0}"}}), "metadata"),
        ("usage.record", json!({"apiKeyId": "canary"}), "id"),
        ("usage.record", json!({"createdAt": 1}), "createdAt"),
        ("usage.checkAndRecord", json!({"quantity": 0}), "quantity"),
        ("usage.check", json!({"quantity": 0}), "quantity"),
        ("usage.summary", json!({"period": "year"}), "period must be one of hour, day, month"),
        ("usage.events", json!({"cursor": "canary"}), "cursor"),
        ("platform.setTenantQuota", json!({}), "limit"),
        ("platform.setTenantQuota", json!({"limit": -1}), "limit"),
        ("platform.setTenantQuota", json!({"limit": 1.5}), "limit"),
    ] {
        let mut request = fields;
        if name == "usage.record" || name == "usage.checkAndRecord" {
            for needed in ["service", "action"] {
                request.as_object_mut().unwrap().entry(needed).or_insert("x".into());
            }
        }
        let said = request.to_string();
        let refused = call(name, request).unwrap_err();
        assert_eq!(refused.status(), 400, "{name} {said}");
        assert!(refused.message().contains(field), "{name} {said}: {}", refused.message());
        assert!(!refused.message().contains("canary"));
    }
    assert_eq!(place.summary(Period::Month).event_count, 0);
    call("usage.record", json!({"service": "x", "action": "y"})).unwrap();
    call("platform.setTenantQuota", json!({"limit": null})).unwrap();
}

#[test]
fn a_key_of_another_tenant_one_that_is_gone_and_none_are_the_same() {
    everywhere(|place| {
        let other = Place::new(place.operator.clone());
        let (theirs, _) = other.key();
        let (gone, _) = place.key();
        let root = place.operator.with_root_key(&place.root);
        root.call_blocking(DeleteKey { id: gone.into() }).unwrap();
        let absent: KeyId = "key_01jdx0x3v0f7zsn8f4k3m9qz5r".parse().unwrap();
        let refusals: HashSet<String> = [theirs, gone, absent]
            .into_iter()
            .flat_map(|key| {
                let input = UsageInput { api_key_id: Some(key), ..place.input(1) };
                let check = CheckQuota { api_key_id: Some(key), ..CheckQuota::new(place.tenant) };
                let list = ListUsageEvents {
                    tenant_id: place.tenant,
                    api_key_id: Some(key),
                    limit: None,
                    cursor: None,
                };
                [
                    root.call_blocking(RecordUsage(input.clone())).unwrap_err(),
                    root.call_blocking(CheckAndRecordUsage(input)).unwrap_err(),
                    root.call_blocking(check).unwrap_err(),
                    root.call_blocking(list).unwrap_err(),
                ]
            })
            .map(|error| format!("{:?} {}", error.kind(), error.message()))
            .collect();
        assert_eq!(refusals.len(), 1, "{refusals:?}");
        assert_eq!(place.summary(Period::Month).event_count, 0);
    });
}

#[test]
fn own_other_and_removed_tenants_are_told_apart_by_those_alone_who_may() {
    everywhere(|place| {
        let other = Place::new(place.operator.clone());
        let removed = Place::new(place.operator.clone());
        place.operator.call_blocking(RemoveTenant { tenant_id: removed.tenant }).unwrap();
        let root = place.operator.with_token(&place.root);
        let stranger = [other.tenant, removed.tenant].map(|tenant| {
            let input = UsageInput::new(tenant, "s", "a");
            let list = ListUsageEvents { tenant_id: tenant, api_key_id: None, limit: None, cursor: None };
            let summary = SummarizeUsage { tenant_id: tenant, period: Period::Day };
            [
                root.call_blocking(RecordUsage(input.clone())).unwrap_err(),
                root.call_blocking(CheckAndRecordUsage(input)).unwrap_err(),
                root.call_blocking(CheckQuota::new(tenant)).unwrap_err(),
                root.call_blocking(list).unwrap_err(),
                root.call_blocking(summary).unwrap_err(),
            ]
            .map(|error| format!("{:?} {}", error.kind(), error.message()))
        });
        assert!(stranger.iter().flatten().all(|refusal| *refusal == stranger[0][0]), "{stranger:?}");
        let quota = |tenant_id| SetTenantQuota { tenant_id, limit: Some(1), period: Period::Day };
        assert_eq!(root.call_blocking(quota(place.tenant)).unwrap_err().kind(), ErrorKind::Forbidden);
        let gone = place.operator.call_blocking(quota(removed.tenant)).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        let nobody = place.operator.anonymous();
        assert_eq!(nobody.call_blocking(quota(place.tenant)).unwrap_err().status(), 401);
    });
}

#[test]
fn a_quota_is_whole_again_when_its_period_ends_and_not_a_millisecond_before() {
    for period in [Period::Hour, Period::Day, Period::Month] {
        let (place, clock) = Place::with_clock();
        place.quota(Some(2), period);
        let (event, quota) = place.check_and_record(place.input(2)).unwrap();
        let left = u64::try_from(quota.reset_at - event.created_at).unwrap();
        clock.advance(left - 1);
        assert_eq!(place.check_and_record(place.input(1)).unwrap_err().status(), 402);
        clock.advance(1);
        let (_, quota) = place.check_and_record(place.input(1)).unwrap();
        assert_eq!((quota.used, quota.remaining), (1, Some(1)));
    }
}

#[test]
fn an_api_key_records_for_itself_and_for_others_only_where_it_may_see_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let place = Place::new(Gatekeeper::open(path.to_str().unwrap()).unwrap());
    let other = place.key().0;
    let [own, writer, server, plain] =
        ["[]", r#"["usage:read","usage:write"]"#, r#"["keys:read","usage:*"]"#, r#"["read"]"#].map(
            |scopes| {
                let (id, key) = place.key();
                let connection = rusqlite::Connection::open(&path).unwrap();
                connection
                    .execute("UPDATE api_keys SET scopes = $1 WHERE id = $2", [scopes, &id.to_string()])
                    .unwrap();
                (id, place.operator.with_token(&key))
            },
        );
    let named = |key| UsageInput { api_key_id: Some(key), ..place.input(1) };
    let kind = |error: GatekeeperError| error.kind();
    let event = writer.1.call_blocking(RecordUsage(place.input(1))).unwrap();
    assert_eq!(event.api_key_id, Some(writer.0));
    assert!(writer.1.call_blocking(RecordUsage(named(writer.0))).is_ok());
    assert_eq!(writer.1.call_blocking(RecordUsage(named(other))).map_err(kind), Err(ErrorKind::Forbidden));
    let check = CheckQuota { api_key_id: Some(other), ..CheckQuota::new(place.tenant) };
    assert_eq!(writer.1.call_blocking(check.clone()).map_err(kind), Err(ErrorKind::Forbidden));
    assert!(server.1.call_blocking(check).is_ok());
    assert_eq!(server.1.call_blocking(RecordUsage(named(other))).unwrap().api_key_id, Some(other));
    for without in [own.1, plain.1] {
        assert_eq!(
            without.call_blocking(RecordUsage(place.input(1))).map_err(kind),
            Err(ErrorKind::Forbidden)
        );
        let summary = SummarizeUsage { tenant_id: place.tenant, period: Period::Day };
        assert_eq!(without.call_blocking(summary).map_err(kind), Err(ErrorKind::Forbidden));
    }
}

#[test]
fn a_keys_quota_is_asked_before_its_tenants_and_both_must_have_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let place = Place::new(Gatekeeper::open(path.to_str().unwrap()).unwrap());
    let (key, _) = place.key();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let set = "UPDATE api_keys SET quota_limit = 5, quota_period = 'hour' WHERE id = $1";
    connection.execute(set, [key.to_string()]).unwrap();
    place.quota(Some(8), Period::Month);
    let with_key = |quantity| UsageInput { api_key_id: Some(key), ..place.input(quantity) };
    let level = |error: GatekeeperError| error.details().unwrap()["quota"]["level"].clone();
    let (_, quota) = place.check_and_record(with_key(4)).unwrap();
    assert_eq!((quota.level, quota.remaining, quota.period), (QuotaLevel::ApiKey, Some(1), Period::Hour));
    assert_eq!(level(place.check_and_record(with_key(2)).unwrap_err()), "api_key");
    let (_, quota) = place.check_and_record(place.input(4)).unwrap();
    assert_eq!((quota.level, quota.used, quota.remaining), (QuotaLevel::Tenant, 8, Some(0)));
    assert_eq!(level(place.check_and_record(with_key(1)).unwrap_err()), "tenant");
    let check = CheckQuota { api_key_id: Some(key), quantity: 1, tenant_id: place.tenant };
    let check = place.operator.call_blocking(check).unwrap();
    assert_eq!((check.allowed, check.level, check.used), (false, QuotaLevel::Tenant, 8));
}

#[test]
fn a_quota_that_is_set_is_in_the_audit_log() {
    everywhere(|place| {
        place.quota(Some(5), Period::Hour);
        let request = json!({"tenantId": place.tenant}).to_string();
        let log = place.operator.call_json_blocking("audit.query", &request).unwrap();
        assert!(log.contains("tenant.quota_set") && log.contains("\"limit\":5"), "{log}");
    });
}
