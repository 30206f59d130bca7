use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Folder, text};

#[test]
fn init_makes_a_place_in_which_keys_can_be_verified() {
    let folder = Folder::new();
    let said = folder.run(["init"]).done();
    let root_key = said.out.split_whitespace().find(|word| word.starts_with("gkr_")).expect("a root key");
    assert!(said.err.contains("cannot be shown again") && !said.err.contains(root_key));
    for (file, mode) in [("gatekeeper.db", 0o600), ("gatekeeper.db-secret", 0o600)] {
        assert_eq!(fs::metadata(folder.file(file)).unwrap().permissions().mode() & 0o777, mode, "{file}");
    }
    let (_, key) = folder.key();
    let verdict = folder.tell(&key, ["keys", "verify", "--endpoint", "GET_TASKS", "--json"]).done().json();
    assert_eq!((&verdict["ok"], &verdict["total"]), (&true.into(), &10.into()));
}

#[test]
fn init_tells_programs_where_and_with_what() {
    let folder = Folder::new();
    let made = folder.json(["init"]);
    assert_eq!(made["url"], "sqlite:gatekeeper.db");
    assert_eq!(made["tenantId"], "tnt_00000000000000000000000000");
    assert!(text(&made["rootKey"]).starts_with("gkr_"));
    assert_eq!(made.as_object().unwrap().len(), 3);
}

#[test]
fn a_second_root_key_is_made_only_when_it_is_asked_for() {
    let folder = Folder::with_place();
    let said = folder.run(["init", "--json"]).refused();
    assert_eq!((said.out.as_str(), &said.error()["code"]), ("", &"conflict".into()));
    assert!(folder.run(["init"]).refused().err.contains("add --another"));

    let acme = folder.json(["init", "--another", "--tenant-name", "Acme Inc"]);
    let tenant = text(&acme["tenantId"]);
    let again = folder.json(["init", "--another", "--tenant-id", &tenant]);
    assert_eq!(again["tenantId"], acme["tenantId"]);
    assert_ne!(again["rootKey"], acme["rootKey"]);
    assert!(folder.run(["tenants", "list"]).done().out.contains("Acme Inc"));
}

#[test]
fn of_several_at_once_one_makes_the_root_key() {
    let folder = Folder::new();
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| folder.run(["init", "--json"]))).collect();
        all.into_iter()
            .map(|one| one.join().unwrap())
            .inspect(|said| assert!(said.code <= 1, "{said:?}"))
            .map(|said| said.code)
            .collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
}

#[test]
fn init_leaves_a_file_of_settings_that_is_there_and_writes_the_place_into_a_new_one() {
    let folder = Folder::new();
    folder.write("gatekeeper.toml", "url = \"sqlite:mine.db\"\n");
    assert_eq!(folder.json(["init"])["url"], "sqlite:mine.db");
    assert_eq!(fs::read_to_string(folder.file("gatekeeper.toml")).unwrap(), "url = \"sqlite:mine.db\"\n");

    let folder = Folder::new();
    folder.run(["init", "--url", "odd \" name.db", "--config", "own.toml"]).done();
    let listed = folder.run(["keys", "list", "--config", "own.toml"]).done();
    assert!(listed.out.starts_with("id"), "{listed:?}");
}

#[test]
fn init_says_what_is_in_its_way() {
    let folder = Folder::new();
    for (url, why) in [
        ("memory:", "nothing of this place would be left"),
        ("http://localhost:1", "on its machine"),
        ("sqlite:no/such/folder.db", "create"),
        ("sqlite:/proc/gatekeeper.db", "cannot be opened"),
        ("mysql://canary@host", "mysql"),
        ("postgres://canary@host", "postgres"),
    ] {
        let said = folder.run(["init", "--url", url]).refused();
        assert!(said.err.contains(why) && !said.err.contains("canary"), "{said:?}");
        assert!(!folder.file("gatekeeper.toml").exists(), "{url}");
    }
    assert!(folder.run(["init", "--tenant-id", "tnt_x"]).refused().err.contains("tnt_"));
    assert!(
        folder
            .run(["init", "--tenant-id", "tnt_00000000000000000000000001"])
            .refused()
            .err
            .contains("not found")
    );
    folder.run(["init", "--tenant-id", "x", "--tenant-name", "y"]).misused();
}

#[test]
fn init_opens_the_sign_up_of_a_new_file_of_settings_and_leaves_one_that_is_there() {
    let folder = Folder::new();
    folder.run(["init", "--open-signup"]).done();
    let settings = fs::read_to_string(folder.file("gatekeeper.toml")).unwrap();
    assert!(settings.contains("\nsignup = \"open\"\n"));
    assert_eq!(folder.json(["config"])["settings"]["signup"]["value"], "open");
    // What is open already need not be written.
    folder.run(["init", "--another", "--open-signup"]).done();

    let folder = Folder::new();
    folder.write("gatekeeper.toml", "signup = \"closed\"\n");
    let said = folder.run(["init", "--open-signup"]).misused();
    assert!(said.err.contains("write signup = \"open\""), "{said:?}");
    assert!(!folder.file("gatekeeper.db").exists(), "nothing was made");
}
