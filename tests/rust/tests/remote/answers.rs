//! A remote server returns the same results as an embedded database.

use gatekeeper::auth::{LoginAnswer, Signup};
use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::internal::Started;
use gatekeeper::key_manager::{CreateKey, DeleteKey};
use gatekeeper::keys::{CreateApiKey, ListApiKeys, UpdateApiKey};
use gatekeeper::usage::{RecordUsage, UsageInput};
use gatekeeper::{Endpoints, ErrorKind, KeyId, ManualClock, Options, Secret, Verdict, VerifyOptions};
use serde_json::json;

use crate::fake::{Act, Fake};
use crate::serving::Serving;

const ENDPOINTS: &str = r#"{
    "GET": {"default": {"maxReq": 10, "duration": 60000}, "roles": {"PRO": {"maxReq": 1000, "duration": 60000}}},
    "ONCE": {"default": {"maxReq": 1, "duration": 60000}}
}"#;

fn endpoints() -> Endpoints {
    Endpoints::from_json(ENDPOINTS).unwrap()
}

/// A server whose clock stands still, with a local and a remote client for one root key.
fn two_sides() -> (Serving, Gatekeeper, Gatekeeper) {
    let mut options = Options::default();
    options.clock = gatekeeper::Clock::Manual(ManualClock::new());
    let serving = Serving::new(Gatekeeper::open_with("memory:", options).unwrap());
    let root = serving.operator.create_root_key("Acme Inc").unwrap().key;
    let (here, there) = (serving.operator.with_root_key(&root), serving.remote().with_root_key(&root));
    (serving, here, there)
}

/// Every field of a verdict.
fn fields(verdict: &Verdict) -> serde_json::Value {
    let decision = verdict.decision().map(|decision| {
        json!({
            "remaining": decision.remaining(), "total": decision.total(), "reset": decision.reset(),
            "retryAfterMs": decision.retry_after_ms(), "windowMs": decision.window_ms(),
            "keyId": decision.key_id().to_string(),
            "tenantId": decision.tenant_id().to_string(), "ownerId": decision.owner_id(),
            "roles": decision.roles().iter().map(|role| &**role).collect::<Vec<_>>(), "role": decision.role(),
            "roleIndex": decision.role_index(),
        })
    });
    json!({ "keyValid": verdict.key_valid(), "ok": verdict.ok(), "decision": decision })
}

#[test]
fn a_verdict_is_the_same_field_by_field() {
    let (_serving, here, there) = two_sides();
    let new = CreateKey {
        roles: vec!["PRO".into(), "BETA".into()],
        owner_id: Some("user 7".into()),
        ..CreateKey::new("user")
    };
    let key = there.call(new).unwrap().api_key;
    let (local, remote) = (here.verifier(endpoints()).unwrap(), there.verifier(endpoints()).unwrap());
    let options = VerifyOptions::default();
    assert!(matches!(remote.start(key.expose(), "GET", &["a"], &options), Ok(Started::Pending(_))));

    // Different variables first, so that the two do not share a window; then the same, so that they do.
    let one = fields(&local.verify(key.expose(), "GET", &["here", ""]).unwrap());
    let other = fields(&remote.verify(key.expose(), "GET", &["there", ""]).unwrap());
    assert_eq!(one, other);
    assert_eq!((&one["decision"]["role"], &one["decision"]["remaining"]), (&json!("PRO"), &json!(999)));
    assert!(local.verify::<&str>(key.expose(), "ONCE", &[]).unwrap().ok());
    let rejected = fields(&remote.verify::<&str>(key.expose(), "ONCE", &[]).unwrap());
    assert_eq!(rejected, fields(&local.verify::<&str>(key.expose(), "ONCE", &[]).unwrap()));
    assert_eq!(rejected["decision"]["retryAfterMs"], 60_000);
    for bad in ["", "user_xxx", "\u{7f}é\n"] {
        assert!(matches!(remote.verify(bad, "GET", &["a"]), Ok(Verdict::InvalidKey)));
    }
    let client = there.asynchronous().verifier(endpoints()).unwrap();
    let awaited = pollster::block_on(client.verify(key.expose(), "GET", &["again"])).unwrap();
    assert!(awaited.ok());
}

fn rejection(verifier: &Verifier, endpoint: &str, variables: &[&str]) -> (ErrorKind, String) {
    let error = verifier.verify("user_xxx", endpoint, variables).unwrap_err();
    (error.kind(), error.message().to_owned())
}

#[test]
fn the_root_key_is_checked_first_then_the_endpoint_with_the_same_messages() {
    let (serving, here, there) = two_sides();
    let too_many = vec![""; 1001];
    let root_keys =
        ["", "gkr_1111111111111111111111111111111111", "canary", "two words", "line\nbreak", "é", "\u{7f}"];
    for root_key in root_keys.map(Secret::new) {
        let local = here.with_root_key(&root_key).verifier(endpoints()).unwrap();
        let remote = there.with_root_key(&root_key).verifier(endpoints()).unwrap();
        for (endpoint, variables) in [("GET", &["a"][..]), ("never", &[]), ("GET", &too_many)] {
            assert_eq!(rejection(&local, endpoint, variables), rejection(&remote, endpoint, variables));
        }
        let create = |gatekeeper: &Gatekeeper| {
            let error = gatekeeper.with_root_key(&root_key).call(CreateKey::new("?")).unwrap_err();
            (error.kind(), error.message().to_owned())
        };
        assert_eq!(create(&here), create(&there));
    }
    let (local, remote) = (here.verifier(endpoints()).unwrap(), there.verifier(endpoints()).unwrap());
    for (endpoint, variables) in [("never", &["a"][..]), ("GET", &too_many)] {
        assert_eq!(rejection(&local, endpoint, variables), rejection(&remote, endpoint, variables));
        assert_eq!(rejection(&remote, endpoint, variables).0, ErrorKind::BadRequest);
    }
    let anonymous = serving.remote();
    let error = anonymous.verifier(endpoints()).unwrap().verify("user_xxx", "GET", &["a"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialMissing);
    assert_eq!(anonymous.check_credential().unwrap_err().kind(), ErrorKind::CredentialMissing);
    assert!(there.check_credential().is_ok());
}

#[test]
fn a_role_may_have_the_name_of_the_default_in_the_older_route() {
    let (_serving, here, there) = two_sides();
    let key =
        there.call(CreateKey { roles: vec!["DEFAULT".into()], ..CreateKey::new("user") }).unwrap().api_key;
    let endpoints = r#"{"GET": {"default": "1/minute", "roles": {"DEFAULT": "2/minute"}}}"#;
    for gatekeeper in [here, there] {
        let verifier = gatekeeper.verifier(Endpoints::from_json(endpoints).unwrap()).unwrap();
        let verdict = verifier.verify::<&str>(key.expose(), "GET", &[]).unwrap();
        assert_eq!(verdict.decision().unwrap().role(), Some("DEFAULT"));
    }
}

#[test]
fn an_unknown_id_and_a_malformed_id_have_different_errors() {
    let (_serving, here, there) = two_sides();
    let absent: KeyId = "key_00000000000000000000000000".parse().unwrap();
    for gatekeeper in [&here, &there] {
        let error = gatekeeper.call(DeleteKey { id: absent.into() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for bad in [r#"{"id": "nonsense"}"#, "{}", r#"{"id": 7}"#] {
            let error = gatekeeper.call_json("keyManager.deleteKey", bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidId, "{bad}");
        }
    }
}

#[test]
fn operations_return_their_types_from_a_server_too() {
    let serving = Serving::in_memory();
    let anonymous = serving.remote();
    let tokens = anonymous
        .call(Signup {
            email: "ada@example.com".into(),
            password: Secret::new("a long password"),
            name: None,
        })
        .unwrap();
    assert_eq!(tokens.user.email, "ada@example.com");
    let login =
        gatekeeper::auth::Login { email: "ada@example.com".into(), password: Secret::new("a long password") };
    assert!(matches!(anonymous.call(login), Ok(LoginAnswer::Tokens(_))));

    let ada = anonymous.with_token(&tokens.access_token);
    let acme = ada.call(gatekeeper::tenants::CreateTenant { name: "Acme Inc".into() }).unwrap();
    for _ in 0..3 {
        ada.call(CreateApiKey::new(acme.id)).unwrap();
    }
    let mut list = ListApiKeys { tenant_id: acme.id, limit: Some(2), cursor: None };
    let first = ada.call(list.clone()).unwrap();
    list.cursor = first.next_cursor;
    let second = ada.call(list).unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next_cursor), (2, 1, None));

    // A missing field stays unchanged; null clears a field.
    let id = second.items[0].id;
    let change = UpdateApiKey {
        owner_id: Some(Some("user 7".into())),
        quota_limit: Some(Some(5)),
        ..UpdateApiKey::new(id)
    };
    let changed = ada.call(change).unwrap();
    assert_eq!((changed.owner_id.as_deref(), changed.quota_limit), (Some("user 7"), Some(5)));
    let changed = ada.call(UpdateApiKey { quota_limit: Some(None), ..UpdateApiKey::new(id) }).unwrap();
    assert_eq!((changed.owner_id.as_deref(), changed.quota_limit), (Some("user 7"), None));

    let event = ada.call(RecordUsage(UsageInput::new(acme.id, "s", "a"))).unwrap();
    assert_eq!(event.idempotency_key, None);
    ada.call(gatekeeper::auth::Logout::default()).unwrap();
    let error = ada.call(gatekeeper::auth::Me {}).unwrap_err();
    assert_eq!((error.status(), error.kind()), (401, ErrorKind::CredentialInvalid));
    assert!(error.request_id().is_some_and(|id| id.starts_with("req_")));
    assert_eq!(anonymous.call(gatekeeper::auth::Me {}).unwrap_err().kind(), ErrorKind::CredentialMissing);
}

#[test]
fn a_server_validates_a_key_and_returns_the_public_keys() {
    let (serving, here, there) = two_sides();
    let metadata = json!({ "plan": "pro" }).as_object().cloned();
    let new = CreateKey { metadata, expires_in_seconds: Some(60), ..CreateKey::new("user") };
    let key = there.call(new).unwrap().api_key;
    let one = here.validate(key.expose()).unwrap();
    assert!(matches!(there.start_validation(key.expose()), Ok(Started::Pending(_))));
    let other = there.validate(key.expose()).unwrap();
    let fields = |key: &gatekeeper::ValidatedKey| {
        let (metadata, roles) = (key.metadata().map(str::to_owned), key.roles().to_vec());
        (key.id(), key.tenant_id(), key.expires_at(), key.scopes().to_vec(), metadata, roles)
    };
    assert_eq!(fields(&one), fields(&other));
    assert_eq!(there.validate("user_xxx").unwrap_err().status(), 401);

    assert_eq!(serving.operator.jwks().unwrap(), there.jwks().unwrap());
    assert!(there.check_ready().is_ok() && there.take_warning().is_none());
}

#[test]
fn an_id_that_cannot_be_in_a_path_is_rejected_before_anything_is_sent() {
    let fake = Fake::new(vec![Act::Close]);
    let client = fake.client();
    for bad in ["..", ".", "", "key_0/../../tenants", "%2e%2e", "tnt_00000000000000000000000000"] {
        let request = json!({ "id": bad }).to_string();
        for name in ["keys.get", "keys.revoke", "keys.update", "keys.rotate"] {
            let error = client.call_json(name, &request).unwrap_err();
            assert!(error.message().starts_with("id must be a key id"), "{error}");
        }
    }
    let error = client.call_json("keys.create", r#"{"name": 7}"#).unwrap_err();
    assert_eq!(error.status(), 400);
    assert_eq!(fake.requests().len(), 0);
}
