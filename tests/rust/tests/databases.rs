//! Databases as a caller of the crate sees them, in memory and in a file.

use std::sync::Barrier;
use std::thread;

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::{AddRoles, CreateKey, DeleteKey, RemoveRoles, RotateKey, VerifyKey};
use gatekeeper::{Clock, Endpoints, ErrorKind, ManualClock, Options, Secret, Verdict};

const ENDPOINTS: &str = r#"{
    "GET": {"default": {"maxReq": 10, "duration": 60000}, "roles": {"PRO": {"maxReq": 1000, "duration": 60000}}},
    "PUT": {"default": {"maxReq": 1, "duration": 1000}}
}"#;

fn verifier(gatekeeper: &Gatekeeper) -> Verifier {
    gatekeeper.verifier(Endpoints::from_json(ENDPOINTS).unwrap()).unwrap()
}

/// Runs a test with a memory database and with a file.
fn everywhere(test: impl Fn(&Gatekeeper)) {
    test(&Gatekeeper::open("memory:").unwrap());
    let folder = tempfile::tempdir().unwrap();
    test(&Gatekeeper::open(folder.path().join("gatekeeper.db").to_str().unwrap()).unwrap());
}

fn total(verdict: &Verdict) -> u32 {
    verdict.decision().unwrap().total()
}

#[test]
fn roles_select_the_limit_and_a_change_of_roles_applies_at_once() {
    everywhere(|gatekeeper| {
        let verifier = verifier(gatekeeper);
        let created = gatekeeper.call(CreateKey::new("user")).unwrap();
        let verify = || verifier.verify(created.api_key.expose(), "GET", &["v"]).unwrap();
        assert_eq!(total(&verify()), 10);
        let roles = ["PRO", "PRO", "TEAM"].map(String::from).to_vec();
        let added = gatekeeper.call(AddRoles { id: created.id.into(), roles }).unwrap();
        assert_eq!(added.count, 2);
        let pro = verify();
        let decision = pro.decision().unwrap();
        // Requests that were counted before still count.
        assert_eq!((decision.total(), decision.remaining(), decision.role()), (1000, 998, Some("PRO")));
        assert_eq!(decision.roles().iter().map(|role| &**role).collect::<Vec<_>>(), ["PRO", "TEAM"]);
        let roles = vec!["PRO".to_owned(), "OTHER".to_owned()];
        assert_eq!(gatekeeper.call(RemoveRoles { id: created.id.into(), roles }).unwrap().count, 1);
        assert_eq!(total(&verify()), 10);
    });
}

#[test]
fn rotation_keeps_the_slots_and_revokes_the_old_key_at_once() {
    everywhere(|gatekeeper| {
        let verifier = verifier(gatekeeper);
        let created = gatekeeper.call(CreateKey::new("user")).unwrap();
        assert!(verifier.verify(created.api_key.expose(), "PUT", &["v"]).unwrap().ok());
        let rotated = gatekeeper.call(RotateKey { id: created.id.into() }).unwrap();
        assert!(!verifier.verify(created.api_key.expose(), "PUT", &["w"]).unwrap().key_valid());
        let verdict = verifier.verify(rotated.apikey.expose(), "PUT", &["v"]).unwrap();
        assert!(matches!(verdict, Verdict::RateLimited(_)));
        gatekeeper.call(DeleteKey { id: created.id.into() }).unwrap();
        assert!(!verifier.verify(rotated.apikey.expose(), "PUT", &["w"]).unwrap().key_valid());
        let gone = gatekeeper.call(DeleteKey { id: created.id.into() }).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_root_key_acts_for_its_tenant_and_is_never_a_valid_user_key() {
    everywhere(|gatekeeper| {
        let root = [(); 2].map(|()| gatekeeper.create_root_key("Acme").unwrap());
        let [ours, theirs] = [0, 1].map(|index| gatekeeper.with_root_key(&root[index].key));
        let created = ours.call(CreateKey::new("user")).unwrap();
        let verify = |gatekeeper: &Gatekeeper, key: &Secret| {
            verifier(gatekeeper).verify::<&str>(key.expose(), "GET", &[]).map(|verdict| verdict.ok())
        };
        assert!(verify(&ours, &created.api_key).unwrap());
        assert!(!verify(gatekeeper, &created.api_key).unwrap());
        let operator = verifier(gatekeeper).with_tenants(root[0].tenant_id.into()).unwrap();
        assert!(operator.verify::<&str>(created.api_key.expose(), "GET", &[]).unwrap().ok());
        assert!(!verify(&theirs, &created.api_key).unwrap());
        assert!(!verify(&ours, &root[0].key).unwrap());
        let rejected = theirs.call(RotateKey { id: created.id.into() }).unwrap_err();
        assert_eq!(rejected.kind(), ErrorKind::NotFound);
        for (key, kind) in [
            ("", ErrorKind::CredentialEmpty),
            ("canary", ErrorKind::CredentialInvalid),
            (created.api_key.expose(), ErrorKind::CredentialInvalid),
            ("gkr_wxcBDexvUxa78kRDFHicb6CN31kF7VDBaF", ErrorKind::CredentialInvalid),
        ] {
            let wrong = gatekeeper.with_root_key(&Secret::new(key));
            assert_eq!(verify(&wrong, &created.api_key).unwrap_err().kind(), kind);
            assert_eq!(wrong.call(CreateKey::new("")).unwrap_err().kind(), kind);
        }
        assert_eq!(ours.create_root_key("More").unwrap_err().kind(), ErrorKind::Forbidden);
    });
}

#[test]
fn limits_that_come_with_a_call_count_in_the_same_slots() {
    everywhere(|gatekeeper| {
        let created = gatekeeper.call(CreateKey::new("user")).unwrap();
        assert!(verifier(gatekeeper).verify(created.api_key.expose(), "PUT", &["v"]).unwrap().ok());
        let ratelimits = serde_json::json!({ "DEFAULT": { "maxReq": 1, "duration": 1000 } });
        let call = |variable: &str| VerifyKey {
            apikey: created.api_key.clone(),
            endpoint: "PUT".to_owned(),
            variables: vec![variable.to_owned()],
            ratelimits: ratelimits.as_object().unwrap().clone(),
        };
        assert!(!gatekeeper.call(call("v")).unwrap().ok);
        assert!(gatekeeper.call(call("w")).unwrap().ok);
    });
}

#[test]
fn a_key_is_invalid_after_its_expiry() {
    let clock = ManualClock::new();
    let mut options = Options::default();
    options.clock = Clock::Manual(clock.clone());
    let gatekeeper = Gatekeeper::open_with("memory:", options.clone()).unwrap();
    let created =
        gatekeeper.call(CreateKey { expires_in_seconds: Some(60), ..CreateKey::new("user") }).unwrap();
    let verifier = verifier(&gatekeeper);
    let verify = || verifier.verify::<&str>(created.api_key.expose(), "GET", &[]).unwrap().key_valid();
    clock.advance(59_999);
    assert!(verify());
    clock.advance(1);
    assert!(!verify());
    assert_eq!(Gatekeeper::open_with("x.db", options).unwrap_err().kind(), ErrorKind::BadRequest);
}

#[test]
fn l1_threads_and_two_openings_of_one_file_share_one_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let other_name = folder.path().join("./sub/../gatekeeper.db");
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let gatekeepers = [path, other_name].map(|path| Gatekeeper::open(path.to_str().unwrap()).unwrap());
    let key = gatekeepers[0].call(CreateKey::new("user")).unwrap().api_key;
    let admitted: usize = thread::scope(|scope| {
        let threads: Vec<_> = gatekeepers
            .iter()
            .cycle()
            .take(8)
            .map(|gatekeeper| {
                scope.spawn(|| {
                    let verifier = verifier(gatekeeper);
                    (0..100).filter(|_| verifier.verify(key.expose(), "GET", &["v"]).unwrap().ok()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 10);
}

#[test]
fn a_verifier_alone_keeps_its_database_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db").to_str().unwrap().to_owned();
    let open = || Gatekeeper::open(&path).unwrap();
    let key = open().call(CreateKey::new("user")).unwrap().api_key;
    let alone = verifier(&open());
    assert!(alone.verify::<&str>(key.expose(), "PUT", &[]).unwrap().ok());
    // The client that made it is dropped. Another client of the file still shares its counters.
    let again = open();
    assert!(!verifier(&again).verify::<&str>(key.expose(), "PUT", &[]).unwrap().ok());
    drop(alone);
    assert!(!verifier(&again).verify::<&str>(key.expose(), "PUT", &[]).unwrap().ok());
}

#[test]
fn two_names_of_a_new_file_are_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("real.db"), folder.path().join("link.db"));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let through_the_link = Gatekeeper::open(link.to_str().unwrap()).unwrap();
    let key = through_the_link.call(CreateKey::new("user")).unwrap().api_key;
    let directly = Gatekeeper::open(file.to_str().unwrap()).unwrap();
    let acquire =
        |gatekeeper: &Gatekeeper| verifier(gatekeeper).verify::<&str>(key.expose(), "PUT", &[]).unwrap().ok();
    assert!(acquire(&through_the_link));
    assert!(!acquire(&directly));
}

#[test]
fn a_change_by_another_program_is_seen_within_a_tenth_of_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let gatekeeper = Gatekeeper::open(path.to_str().unwrap()).unwrap();
    let verifier = verifier(&gatekeeper);
    for others_follow in [false, true] {
        let created = gatekeeper.call(CreateKey::new("user")).unwrap();
        let valid = || verifier.verify::<&str>(created.api_key.expose(), "GET", &[]).unwrap().key_valid();
        assert!(valid());
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute("DELETE FROM api_keys WHERE id = $1", [created.id.to_string()]).unwrap();
        if others_follow {
            // A change in this process uses the next change number before any process has noticed the other one.
            gatekeeper.call(CreateKey::new("user")).unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!valid());
    }
}

#[test]
fn no_thread_accepts_an_old_key_after_its_rotation() {
    everywhere(|gatekeeper| {
        let verifier = verifier(gatekeeper);
        let created = gatekeeper.call(CreateKey::new("user")).unwrap();
        let mut current = created.api_key;
        for _ in 0..200 {
            let start = Barrier::new(3);
            let rotated = thread::scope(|scope| {
                for _ in 0..2 {
                    // These threads fill the cache while the key changes.
                    scope.spawn(|| {
                        start.wait();
                        for _ in 0..20 {
                            let _ = verifier.verify(current.expose(), "GET", &["v"]).unwrap();
                        }
                    });
                }
                start.wait();
                let rotated = gatekeeper.call(RotateKey { id: created.id.into() }).unwrap();
                assert!(!verifier.verify(current.expose(), "GET", &["v"]).unwrap().key_valid());
                rotated
            });
            assert!(!verifier.verify(current.expose(), "GET", &["v"]).unwrap().key_valid());
            current = rotated.apikey;
        }
    });
}

#[test]
fn caches_of_size_zero_change_no_verdict() {
    let mut options = Options::default();
    (options.cache_keys, options.cache_unknown_keys) = (0, 0);
    let gatekeeper = Gatekeeper::open_with("memory:", options).unwrap();
    let created = gatekeeper.call(CreateKey::new("user")).unwrap();
    let verifier = verifier(&gatekeeper);
    for remaining in (0..10).rev() {
        let verdict = verifier.verify::<&str>(created.api_key.expose(), "GET", &[]).unwrap();
        assert_eq!(verdict.decision().unwrap().remaining(), remaining);
        assert!(
            !verifier
                .verify::<&str>("user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ", "GET", &[])
                .unwrap()
                .key_valid()
        );
    }
}

#[test]
fn the_error_of_a_file_that_cannot_be_opened_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(
        path("text.db"),
        "not a database, but long enough to be read as the header of one. ".repeat(20),
    )
    .unwrap();
    let newer = rusqlite::Connection::open(path("newer.db")).unwrap();
    newer.execute_batch("PRAGMA application_id = 0x676b7072; PRAGMA user_version = 99").unwrap();
    let foreign = rusqlite::Connection::open(path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    for (url, expected) in [
        (path("missing/gatekeeper.db"), "its folder does not exist"),
        (path("text.db"), "is not a database or is corrupt"),
        (path("newer.db"), "upgrade gatekeeper-native"),
        (path("foreign.db"), "is a database of another program"),
        (folder.path().to_str().unwrap().to_owned(), "is a folder"),
    ] {
        let error = Gatekeeper::open(&url).unwrap().call(CreateKey::new("user")).unwrap_err();
        assert_eq!((error.status(), error.code()), (503, "service_unavailable"));
        assert!(error.message().contains(expected), "{}", error.message());
    }
    // A file of another program stays unchanged.
    assert!(std::fs::read_to_string(path("text.db")).unwrap().starts_with("not a database"));
}
