//! Usage as a caller sees it: recorded once, never over a quota, summed exactly.

mod fixture;
mod model;

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::DeleteKey;
use gatekeeper::platform::SetTenantQuota;
use gatekeeper::tenants::RemoveTenant;
use gatekeeper::usage::{
    CheckAndRecordUsage, CheckQuota, ListUsageEvents, Period, QuotaLevel, RecordUsage, SummarizeUsage,
    UsageInput,
};
use gatekeeper::{ErrorKind, GatekeeperError, KeyId};
use serde_json::{Value, json};

use fixture::{Fixture, everywhere, object, under};

#[test]
fn an_event_is_returned_as_recorded_and_summed() {
    everywhere(|gatekeeper| {
        let metadata = Some(object(json!({"model": "x", "deep": [1, null, {"a": 1.5}]})));
        let (key, _) = gatekeeper.key();
        let input = UsageInput { metadata: metadata.clone(), api_key_id: Some(key), ..gatekeeper.input(7) };
        let event = gatekeeper.record(under("once", input)).unwrap();
        assert_eq!((event.tenant_id, event.api_key_id, event.quantity), (gatekeeper.tenant, Some(key), 7));
        assert_eq!((&*event.service, &*event.action), ("inference", "completion"));
        assert_eq!((event.metadata.clone(), event.idempotency_key.as_deref()), (metadata, Some("once")));
        gatekeeper.record(gatekeeper.input(3)).unwrap();
        for period in [Period::Hour, Period::Day, Period::Month] {
            let summary = gatekeeper.summary(period);
            assert_eq!((summary.total_usage, summary.event_count, summary.period), (10, 2, period));
            assert!(summary.from <= event.created_at && event.created_at < summary.to);
        }
        assert_eq!(gatekeeper.events(Some(key), 50), [event]);
    });
}

#[test]
fn events_are_listed_the_newest_first_in_pages_by_tenant_and_by_key() {
    everywhere(|gatekeeper| {
        let (key, _) = gatekeeper.key();
        for quantity in 1..=25 {
            let api_key_id = (quantity % 5 == 0).then_some(key);
            gatekeeper.record(UsageInput { api_key_id, ..gatekeeper.input(quantity) }).unwrap();
        }
        let quantities = |key, limit| -> Vec<i64> {
            gatekeeper.events(key, limit).iter().map(|event| event.quantity).collect()
        };
        assert_eq!(quantities(None, 10), (1..=25).rev().collect::<Vec<_>>());
        assert_eq!(quantities(Some(key), 2), [25, 20, 15, 10, 5]);
        // The events of a deleted key stay.
        let root = gatekeeper.operator.with_root_key(&gatekeeper.root);
        root.call(DeleteKey { id: key.into() }).unwrap();
        assert_eq!(quantities(Some(key), 100), [25, 20, 15, 10, 5]);
    });
}

#[test]
fn a_quota_accepts_exactly_its_limit_and_a_rejected_event_is_not_stored() {
    everywhere(|gatekeeper| {
        gatekeeper.quota(Some(10), Period::Day);
        let (_, quota) = gatekeeper.check_and_record(gatekeeper.input(7)).unwrap();
        assert_eq!((quota.level, quota.limit, quota.used), (QuotaLevel::Tenant, Some(10), 7));
        assert_eq!((quota.remaining, quota.period), (Some(3), Period::Day));
        let rejected = gatekeeper.check_and_record(under("k", gatekeeper.input(4))).unwrap_err();
        assert_eq!((rejected.status(), rejected.code()), (402, "plan_limit"));
        let resets = gatekeeper.summary(Period::Day).to;
        assert_eq!(
            rejected.details(),
            Some(&json!({"quota": {
                "allowed": false, "level": "tenant", "limit": 10, "used": 7, "remaining": 3, "period": "day", "resetAt": resets
            }}))
        );
        let summary = gatekeeper.summary(Period::Month);
        assert_eq!((summary.total_usage, summary.event_count), (7, 1));
        assert_eq!(gatekeeper.events(None, 50).len(), 1);
        // Its idempotency key was not used up: another request may use it.
        let (event, quota) = gatekeeper.check_and_record(under("k", gatekeeper.input(3))).unwrap();
        assert_eq!((event.quantity, quota.remaining), (3, Some(0)));
        assert_eq!(gatekeeper.check_and_record(gatekeeper.input(1)).unwrap_err().status(), 402);
        // `record` does not check the quota and may exceed it; `remaining` stops at 0.
        gatekeeper.record(gatekeeper.input(5)).unwrap();
        let check = gatekeeper.operator.call(CheckQuota::new(gatekeeper.tenant)).unwrap();
        assert_eq!((check.allowed, check.used, check.remaining), (false, 15, Some(0)));
        gatekeeper.quota(None, Period::Month);
        let check = gatekeeper.operator.call(CheckQuota::new(gatekeeper.tenant)).unwrap();
        assert_eq!((check.allowed, check.level, check.limit), (true, QuotaLevel::Unlimited, None));
        assert_eq!((check.used, check.remaining), (15, None));
    });
}

#[test]
fn the_same_request_under_one_key_counts_once_and_another_is_rejected() {
    everywhere(|gatekeeper| {
        gatekeeper.quota(Some(10), Period::Month);
        let input = UsageInput { metadata: Some(object(json!({"b": 1, "a": [2.0]}))), ..gatekeeper.input(4) };
        let (first, _) = gatekeeper.check_and_record(under("k", input.clone())).unwrap();
        gatekeeper.record(gatekeeper.input(6)).unwrap();
        // Equal after defaults and as canonical JSON, by either call; the quota in the result is the current one.
        let again = UsageInput { metadata: Some(object(json!({"a": [2], "b": 1.0}))), ..input.clone() };
        let (event, quota) = gatekeeper.check_and_record(under("k", again.clone())).unwrap();
        assert_eq!((&event, quota.used, quota.remaining), (&first, 10, Some(0)));
        assert_eq!(gatekeeper.record(under("k", again)).unwrap(), first);
        for other in [
            UsageInput { quantity: 5, ..input.clone() },
            UsageInput { action: "other".into(), ..input.clone() },
            UsageInput { metadata: None, ..input.clone() },
            UsageInput { api_key_id: Some(gatekeeper.key().0), ..input.clone() },
        ] {
            let rejected = gatekeeper.record(under("k", other)).unwrap_err();
            assert_eq!((rejected.status(), rejected.code()), (409, "conflict"));
        }
        assert_eq!(gatekeeper.summary(Period::Month).event_count, 2);
        // The same idempotency key in another tenant is a different one.
        let other = Fixture::new(gatekeeper.operator.clone());
        assert_ne!(other.record(under("k", other.input(4))).unwrap().id, first.id);
    });
}

#[test]
fn a_hundred_calls_at_once_under_one_key_are_one_event() {
    everywhere(|gatekeeper| {
        let start = Barrier::new(100);
        let ids: HashSet<String> = thread::scope(|scope| {
            let calls: Vec<_> = (0..100)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        gatekeeper.record(under("k", gatekeeper.input(2))).unwrap().id.to_string()
                    })
                })
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 1);
        let summary = gatekeeper.summary(Period::Hour);
        assert_eq!((summary.total_usage, summary.event_count), (2, 1));
    });
}

#[test]
fn the_rejection_of_a_value_out_of_range_names_the_field() {
    let gatekeeper = Fixture::new(Gatekeeper::open("memory:").unwrap());
    let call = |name: &str, fields: Value| {
        let mut request = json!({"tenantId": gatekeeper.tenant});
        request.as_object_mut().unwrap().extend(object(fields));
        gatekeeper.operator.call_json(name, &request.to_string())
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
        let text = request.to_string();
        let rejected = call(name, request).unwrap_err();
        assert_eq!(rejected.status(), 400, "{name} {text}");
        assert!(rejected.message().contains(field), "{name} {text}: {}", rejected.message());
        assert!(!rejected.message().contains("canary"));
    }
    assert_eq!(gatekeeper.summary(Period::Month).event_count, 0);
    call("usage.record", json!({"service": "x", "action": "y"})).unwrap();
    call("platform.setTenantQuota", json!({"limit": null})).unwrap();
}

#[test]
fn another_tenants_deleted_and_unknown_keys_have_the_same_error() {
    everywhere(|gatekeeper| {
        let other = Fixture::new(gatekeeper.operator.clone());
        let (theirs, _) = other.key();
        let (gone, _) = gatekeeper.key();
        let root = gatekeeper.operator.with_root_key(&gatekeeper.root);
        root.call(DeleteKey { id: gone.into() }).unwrap();
        let absent: KeyId = "key_01jdx0x3v0f7zsn8f4k3m9qz5r".parse().unwrap();
        let rejections: HashSet<String> = [theirs, gone, absent]
            .into_iter()
            .flat_map(|key| {
                let input = UsageInput { api_key_id: Some(key), ..gatekeeper.input(1) };
                let check = CheckQuota { api_key_id: Some(key), ..CheckQuota::new(gatekeeper.tenant) };
                let list = ListUsageEvents {
                    tenant_id: gatekeeper.tenant,
                    api_key_id: Some(key),
                    limit: None,
                    cursor: None,
                };
                [
                    root.call(RecordUsage(input.clone())).unwrap_err(),
                    root.call(CheckAndRecordUsage(input)).unwrap_err(),
                    root.call(check).unwrap_err(),
                    root.call(list).unwrap_err(),
                ]
            })
            .map(|error| format!("{:?} {}", error.kind(), error.message()))
            .collect();
        assert_eq!(rejections.len(), 1, "{rejections:?}");
        assert_eq!(gatekeeper.summary(Period::Month).event_count, 0);
    });
}

#[test]
fn only_members_can_distinguish_their_tenant_from_other_and_removed_tenants() {
    everywhere(|gatekeeper| {
        let other = Fixture::new(gatekeeper.operator.clone());
        let removed = Fixture::new(gatekeeper.operator.clone());
        gatekeeper.operator.call(RemoveTenant { tenant_id: removed.tenant }).unwrap();
        let root = gatekeeper.operator.with_token(&gatekeeper.root);
        let stranger = [other.tenant, removed.tenant].map(|tenant| {
            let input = UsageInput::new(tenant, "s", "a");
            let list = ListUsageEvents { tenant_id: tenant, api_key_id: None, limit: None, cursor: None };
            let summary = SummarizeUsage { tenant_id: tenant, period: Period::Day };
            [
                root.call(RecordUsage(input.clone())).unwrap_err(),
                root.call(CheckAndRecordUsage(input)).unwrap_err(),
                root.call(CheckQuota::new(tenant)).unwrap_err(),
                root.call(list).unwrap_err(),
                root.call(summary).unwrap_err(),
            ]
            .map(|error| format!("{:?} {}", error.kind(), error.message()))
        });
        assert!(stranger.iter().flatten().all(|rejection| *rejection == stranger[0][0]), "{stranger:?}");
        let quota = |tenant_id| SetTenantQuota { tenant_id, limit: Some(1), period: Period::Day };
        assert_eq!(root.call(quota(gatekeeper.tenant)).unwrap_err().kind(), ErrorKind::Forbidden);
        let gone = gatekeeper.operator.call(quota(removed.tenant)).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        let anonymous = gatekeeper.operator.anonymous();
        assert_eq!(anonymous.call(quota(gatekeeper.tenant)).unwrap_err().status(), 401);
    });
}

#[test]
fn a_quota_is_reset_when_its_period_ends_and_not_a_millisecond_before() {
    for period in [Period::Hour, Period::Day, Period::Month] {
        let (gatekeeper, clock) = Fixture::with_clock();
        gatekeeper.quota(Some(2), period);
        let (event, quota) = gatekeeper.check_and_record(gatekeeper.input(2)).unwrap();
        let left = u64::try_from(quota.reset_at - event.created_at).unwrap();
        clock.advance(left - 1);
        assert_eq!(gatekeeper.check_and_record(gatekeeper.input(1)).unwrap_err().status(), 402);
        clock.advance(1);
        let (_, quota) = gatekeeper.check_and_record(gatekeeper.input(1)).unwrap();
        assert_eq!((quota.used, quota.remaining), (1, Some(1)));
    }
}

#[test]
fn an_api_key_records_for_itself_and_for_others_only_where_it_may_see_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let gatekeeper = Fixture::new(Gatekeeper::open(path.to_str().unwrap()).unwrap());
    let other = gatekeeper.key().0;
    let [own, writer, server, plain] =
        ["[]", r#"["usage:read","usage:write"]"#, r#"["keys:read","usage:*"]"#, r#"["read"]"#].map(
            |scopes| {
                let (id, key) = gatekeeper.key();
                let connection = rusqlite::Connection::open(&path).unwrap();
                connection
                    .execute("UPDATE api_keys SET scopes = $1 WHERE id = $2", [scopes, &id.to_string()])
                    .unwrap();
                (id, gatekeeper.operator.with_token(&key))
            },
        );
    let named = |key| UsageInput { api_key_id: Some(key), ..gatekeeper.input(1) };
    let kind = |error: GatekeeperError| error.kind();
    let event = writer.1.call(RecordUsage(gatekeeper.input(1))).unwrap();
    assert_eq!(event.api_key_id, Some(writer.0));
    assert!(writer.1.call(RecordUsage(named(writer.0))).is_ok());
    assert_eq!(writer.1.call(RecordUsage(named(other))).map_err(kind), Err(ErrorKind::Forbidden));
    let check = CheckQuota { api_key_id: Some(other), ..CheckQuota::new(gatekeeper.tenant) };
    assert_eq!(writer.1.call(check.clone()).map_err(kind), Err(ErrorKind::Forbidden));
    assert!(server.1.call(check).is_ok());
    assert_eq!(server.1.call(RecordUsage(named(other))).unwrap().api_key_id, Some(other));
    for without in [own.1, plain.1] {
        assert_eq!(without.call(RecordUsage(gatekeeper.input(1))).map_err(kind), Err(ErrorKind::Forbidden));
        let summary = SummarizeUsage { tenant_id: gatekeeper.tenant, period: Period::Day };
        assert_eq!(without.call(summary).map_err(kind), Err(ErrorKind::Forbidden));
    }
}

#[test]
fn a_keys_quota_is_checked_before_its_tenants_and_both_must_have_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let gatekeeper = Fixture::new(Gatekeeper::open(path.to_str().unwrap()).unwrap());
    let (key, _) = gatekeeper.key();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let set = "UPDATE api_keys SET quota_limit = 5, quota_period = 'hour' WHERE id = $1";
    connection.execute(set, [key.to_string()]).unwrap();
    gatekeeper.quota(Some(8), Period::Month);
    let with_key = |quantity| UsageInput { api_key_id: Some(key), ..gatekeeper.input(quantity) };
    let level = |error: GatekeeperError| error.details().unwrap()["quota"]["level"].clone();
    let (_, quota) = gatekeeper.check_and_record(with_key(4)).unwrap();
    assert_eq!((quota.level, quota.remaining, quota.period), (QuotaLevel::ApiKey, Some(1), Period::Hour));
    assert_eq!(level(gatekeeper.check_and_record(with_key(2)).unwrap_err()), "api_key");
    let (_, quota) = gatekeeper.check_and_record(gatekeeper.input(4)).unwrap();
    assert_eq!((quota.level, quota.used, quota.remaining), (QuotaLevel::Tenant, 8, Some(0)));
    assert_eq!(level(gatekeeper.check_and_record(with_key(1)).unwrap_err()), "tenant");
    let check = CheckQuota { api_key_id: Some(key), quantity: 1, tenant_id: gatekeeper.tenant };
    let check = gatekeeper.operator.call(check).unwrap();
    assert_eq!((check.allowed, check.level, check.used), (false, QuotaLevel::Tenant, 8));
}

#[test]
fn a_quota_that_is_set_is_in_the_audit_log() {
    everywhere(|gatekeeper| {
        gatekeeper.quota(Some(5), Period::Hour);
        let request = json!({"tenantId": gatekeeper.tenant}).to_string();
        let log = gatekeeper.operator.call_json("audit.query", &request).unwrap();
        assert!(log.contains("tenant.quota_set") && log.contains("\"limit\":5"), "{log}");
    });
}
