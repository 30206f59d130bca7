//! The options of a verification: scopes, cost and the client address; the same in memory, on a file, and from a server.

mod serving;

use std::time::Duration;

use gatekeeper::blocking::{Gatekeeper, Verifier, wait};
use gatekeeper::internal::Started;
use gatekeeper::key_manager::{DeleteKey, VerifyUserKey};
use gatekeeper::keys::{CreateApiKey, CreatedApiKey, KeyVerdict, VerifyApiKey};
use gatekeeper::{Endpoints, ErrorKind, Options, TenantId, Verdict, VerdictCode, VerifyOptions};
use serde_json::{Value, json};
use serving::Serving;

const ENDPOINTS: &str = r#"{
    "GET": {"default": {"maxReq": 10, "duration": 3600000}, "roles": {"PRO": {"maxReq": 1000, "duration": 3600000}}},
    "ONE": {"default": {"maxReq": 1, "duration": 3600000}}
}"#;

fn endpoints() -> Endpoints {
    Endpoints::from_json(ENDPOINTS).unwrap()
}

fn options() -> Options {
    let mut options = Options::default();
    options.endpoints = endpoints();
    options
}

/// A root key's clients in memory, on a file and of a server, each with the tenant.
fn on_every_backend(test: impl Fn(&Gatekeeper, TenantId)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatekeeper.db");
    for url in ["memory:", file.to_str().unwrap()] {
        let operator = Gatekeeper::open_with(url, options()).unwrap();
        let root = operator.create_root_key("Acme Inc").unwrap();
        test(&operator.with_root_key(&root.key), root.tenant_id);
    }
    let serving = Serving::new(Gatekeeper::open_with("memory:", options()).unwrap());
    let root = serving.operator.create_root_key("Acme Inc").unwrap();
    test(&serving.remote().with_root_key(&root.key), root.tenant_id);
}

fn create(gatekeeper: &Gatekeeper, tenant: TenantId) -> CreatedApiKey {
    let request = json!({
        "tenantId": tenant, "name": "server-key", "ownerId": "user 7", "scopes": ["read", "files:*"],
        "roles": ["PRO", "A"], "metadata": { "plan": "pro", "seats": [1, 2] },
    });
    let request: CreateApiKey = serde_json::from_value(request).unwrap();
    gatekeeper.call(request).unwrap()
}

fn verify(verifier: &Verifier, key: &str, options: VerifyOptions<'_>) -> Verdict {
    verifier.verify_with(key, "GET", &["a"], &options).unwrap()
}

#[test]
fn a_key_without_a_required_scope_is_forbidden_and_nothing_is_counted() {
    on_every_backend(|gatekeeper, tenant| {
        let key = create(gatekeeper, tenant).plain_text_key;
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let with = |scopes| verify(&verifier, key.expose(), VerifyOptions::default().scopes(scopes));
        for missing in [&["write"][..], &["read", "write"], &["files"], &["Read"]] {
            let verdict = with(missing);
            let Verdict::Forbidden(decision) = &verdict else { panic!("{verdict:?}") };
            assert_eq!((verdict.ok(), verdict.key_valid()), (false, true));
            assert_eq!((verdict.code(), decision.code()), (VerdictCode::InsufficientScope, verdict.code()));
            assert!(!decision.is_counted() && decision.role().is_none());
            assert_eq!((decision.remaining(), decision.total(), decision.reset()), (0, 0, 0));
            assert_eq!(decision.owner_id(), Some("user 7"));
        }
        for held in [&[][..], &["read"], &["files:write", "read"]] {
            assert!(with(held).ok(), "{held:?}");
        }
        assert_eq!(with(&["read"]).decision().unwrap().remaining(), 996);
        let unknown = verify(&verifier, "user_xxx", VerifyOptions::default().scopes(&["read"]));
        assert!(matches!(unknown, Verdict::InvalidKey));
    });
}

#[test]
fn a_verdict_says_whose_key_it_is() {
    on_every_backend(|gatekeeper, tenant| {
        let created = create(gatekeeper, tenant);
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let verdict = verify(&verifier, created.plain_text_key.expose(), VerifyOptions::default());
        let decision = verdict.decision().unwrap();
        assert_eq!((decision.key_id(), decision.tenant_id()), (created.api_key.id, tenant));
        assert_eq!((decision.name(), decision.owner_id()), (Some("server-key"), Some("user 7")));
        assert_eq!(decision.scopes(), ["files:*", "read"]);
        assert_eq!((decision.role(), decision.code()), (Some("PRO"), VerdictCode::Valid));
        let metadata: Value = serde_json::from_str(decision.metadata().unwrap()).unwrap();
        assert_eq!(metadata, json!({ "plan": "pro", "seats": [1, 2] }));
    });
}

#[test]
fn a_cost_takes_that_many_permits_and_a_cost_above_the_limit_is_an_error_for_a_valid_key_only() {
    on_every_backend(|gatekeeper, tenant| {
        let key = create(gatekeeper, tenant).plain_text_key;
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let with = |key: &str, cost, scopes| {
            let options = VerifyOptions::default().cost(cost).scopes(scopes);
            verifier.verify_with(key, "GET", &["a"], &options)
        };
        assert_eq!(with(key.expose(), 999, &[]).unwrap().decision().unwrap().remaining(), 1);
        let denied = with(key.expose(), 2, &[]).unwrap();
        assert_eq!((denied.code(), denied.decision().unwrap().remaining()), (VerdictCode::RateLimited, 1));
        assert!(with(key.expose(), 1, &[]).unwrap().ok(), "a denial takes nothing");
        let error = with(key.expose(), 1001, &[]).unwrap_err();
        assert_eq!(error.message(), "cost must be at most 1000, the limit that applies here");
        assert!(matches!(with("user_xxx", 1001, &[]).unwrap(), Verdict::InvalidKey));
        assert!(matches!(with(key.expose(), 1001, &["write"]).unwrap(), Verdict::Forbidden(_)));
    });
}

#[test]
fn an_option_out_of_range_is_rejected_whatever_the_key() {
    on_every_backend(|gatekeeper, tenant| {
        let key = create(gatekeeper, tenant).plain_text_key;
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let (many, long) = (vec!["a"; 101], "a".repeat(129));
        let distinct: Vec<String> = (0..101).map(|number| number.to_string()).collect();
        let distinct: Vec<&str> = distinct.iter().map(String::as_str).collect();
        let base = VerifyOptions::default;
        assert!(
            verify(&verifier, key.expose(), base().scopes(&["read"; 101])).ok(),
            "a duplicate counts once"
        );
        for (options, start) in [
            (base().cost(0), "cost must be a whole number from 1 to 4294967295"),
            (base().scopes(&distinct), "scopes: at most 100 are allowed, not 101"),
            (base().scopes(&[""]), "scopes: each must be"),
            (base().scopes(&["a b"]), "scopes: each must be"),
            (base().scopes(&[&long]), "scopes: each must be"),
            (base().client_address(Some("home")), "clientAddress must be an IP address"),
            (base().client_address(Some("")), "clientAddress must be an IP address"),
        ] {
            for key in [key.expose(), "user_xxx"] {
                let error = verifier.verify_with(key, "GET", &["a"], &options).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BadRequest);
                assert!(error.message().starts_with(start), "{error}");
            }
        }
        assert!(matches!(verify(&verifier, key.expose(), base().scopes(&many)), Verdict::Forbidden(_)));
        for address in ["192.0.2.1", "192.0.2.1:443", "[2001:db8::1]:443", "2001:db8::1"] {
            assert!(verify(&verifier, key.expose(), base().client_address(Some(address))).ok(), "{address}");
        }
    });
}

#[test]
fn an_endpoint_is_named_or_given_by_its_index() {
    on_every_backend(|gatekeeper, tenant| {
        let key = create(gatekeeper, tenant).plain_text_key;
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let finished = |started| match started {
            Started::Done(verdict) => Ok(verdict),
            Started::Pending(rest) => wait(rest.finish()),
        };
        let at = |index: usize| {
            verifier.start::<&str>(key.expose(), index, &[], &VerifyOptions::default()).and_then(finished)
        };
        let names: Vec<_> = endpoints().names().map(str::to_owned).collect();
        let one = names.iter().position(|name| name == "ONE").unwrap();
        assert!(at(one).unwrap().ok());
        assert!(!verifier.verify::<&str>(key.expose(), "ONE", &[]).unwrap().ok(), "they share a window");
        for unknown in [2, usize::MAX] {
            assert!(at(unknown).unwrap_err().message().starts_with("endpoint was never defined"));
        }
    });
}

#[test]
fn a_verification_that_has_begun_counts_once_when_it_is_finished_and_never_when_it_is_dropped() {
    on_every_backend(|gatekeeper, tenant| {
        let key = create(gatekeeper, tenant).plain_text_key;
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let start = || verifier.start::<&str>(key.expose(), "GET", &[], &VerifyOptions::default()).unwrap();
        let Started::Pending(dropped) = start() else { panic!("nothing is cached") };
        drop(dropped);
        let Started::Pending(rest) = start() else { panic!("nothing is cached") };
        let verdict = wait(rest.finish()).unwrap();
        assert_eq!(verdict.decision().unwrap().remaining(), 999);
    });
}

#[test]
fn a_key_that_is_deleted_while_its_verification_waits_is_invalid() {
    on_every_backend(|gatekeeper, tenant| {
        let created = create(gatekeeper, tenant);
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let key = created.plain_text_key.expose();
        let begun = verifier.start::<&str>(key, "GET", &[], &VerifyOptions::default()).unwrap();
        gatekeeper.call(DeleteKey { id: created.api_key.id.into() }).unwrap();
        let Started::Pending(rest) = begun else { panic!("nothing is cached") };
        assert!(matches!(wait(rest.finish()).unwrap(), Verdict::InvalidKey));
    });
}

#[test]
fn the_two_operations_and_the_verifier_return_one_verdict() {
    on_every_backend(|gatekeeper, tenant| {
        let key = create(gatekeeper, tenant).plain_text_key;
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        for (scopes, code) in [(vec![], VerdictCode::Valid), (vec!["write"], VerdictCode::InsufficientScope)]
        {
            let definition: Value = serde_json::from_str(ENDPOINTS).unwrap();
            let request = |more: Value| {
                let mut request =
                    json!({ "key": key.expose(), "endpoint": "GET", "scopes": scopes, "cost": 2 });
                request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                request
            };
            let named: VerifyApiKey = serde_json::from_value(request(json!({}))).unwrap();
            let given = request(json!({ "definition": definition["GET"] }));
            let given: VerifyUserKey = serde_json::from_value(given).unwrap();
            let options = VerifyOptions::default().scopes(&scopes).cost(2);
            let fast = verifier.verify_with::<&str>(key.expose(), "GET", &[], &options).unwrap();
            let verdicts: [KeyVerdict; 3] =
                [gatekeeper.call(named).unwrap(), gatekeeper.call(given).unwrap(), fast.try_into().unwrap()];
            // What moves from one call to the next.
            let still = |verdict: &KeyVerdict| {
                let mut fields = serde_json::to_value(verdict).unwrap();
                for moving in ["remaining", "reset", "resetAfterMs"] {
                    fields[moving] = (!fields[moving].is_null()).into();
                }
                fields
            };
            assert_eq!(still(&verdicts[0]), still(&verdicts[1]));
            assert_eq!(still(&verdicts[1]), still(&verdicts[2]));
            assert_eq!(verdicts[0].code, code);
        }
        let left = verifier.verify::<&str>(key.expose(), "GET", &[]).unwrap();
        assert_eq!(left.decision().unwrap().remaining(), 993, "three calls of cost 2 shared one window");
    });
}

#[test]
fn the_route_of_the_sdks_rejects_an_unknown_field_and_every_caller_but_a_root_key() {
    let serving = Serving::new(Gatekeeper::open("memory:").unwrap());
    let root = serving.operator.create_root_key("Acme Inc").unwrap();
    let acme = serving.remote().with_root_key(&root.key);
    let key = create(&acme, root.tenant_id).plain_text_key;
    let call = |gatekeeper: &Gatekeeper, definition: &Value, more: &str| {
        let request =
            format!(r#"{{"key": "{}", "endpoint": "GET", "definition": {definition}{more}}}"#, key.expose());
        gatekeeper.call_json("keyManager.verify", &request)
    };
    let definition = json!({ "default": "10/minute", "roles": { "DEFAULT": "20/minute" } });
    assert!(call(&acme, &definition, "").unwrap().contains(r#""total":10"#));
    for (definition, more, message) in [
        (definition.clone(), r#", "colour": 1"#, "colour"),
        (json!({ "default": "10/minute", "per": "key" }), "", "definition"),
        (json!({ "roles": {} }), "", "definition.default is missing"),
        (json!({ "default": "10/minutes/x" }), "", "definition.default"),
        (json!({ "default": { "maxReq": 0, "duration": 1 } }), "", "definition.default.maxReq"),
    ] {
        let error = call(&acme, &definition, more).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.message().starts_with(message), "{error}");
    }
    let operator = &serving.operator;
    for (caller, status) in [(operator.anonymous(), 401), (operator.with_token(&key), 403)] {
        assert_eq!(call(&caller, &definition, "").unwrap_err().status(), status);
    }
}

#[test]
fn a_decision_returns_its_times_as_durations_and_in_milliseconds() {
    on_every_backend(|gatekeeper, tenant| {
        let key = create(gatekeeper, tenant).plain_text_key;
        let verifier = gatekeeper.verifier(endpoints()).unwrap();
        let verify = || verifier.verify::<&str>(key.expose(), "ONE", &[]).unwrap();
        assert_eq!(verify().decision().unwrap().retry_after(), Duration::ZERO);
        let Verdict::RateLimited(decision) = verify() else { panic!("a second request was admitted") };
        assert_eq!(decision.retry_after().as_millis(), u128::from(decision.retry_after_ms()));
        assert_eq!(decision.reset_after().as_millis(), u128::from(decision.reset_after_ms()));
        assert_eq!(decision.window(), Duration::from_secs(3600));
        assert!(decision.retry_after() > Duration::ZERO && decision.retry_after() <= decision.window());
    });
}
