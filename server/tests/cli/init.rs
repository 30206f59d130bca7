use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::{Folder, said, text};

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
    let folder = Folder::with_gatekeeper();
    let said = folder.run(["init", "--json"]).rejected();
    assert_eq!((said.out.as_str(), &said.error()["code"]), ("", &"conflict".into()));
    assert!(folder.run(["init"]).rejected().err.contains("add --additional"));

    let acme = folder.json(["init", "--additional", "--tenant-name", "Acme Inc"]);
    let tenant = text(&acme["tenantId"]);
    let again = folder.json(["init", "--additional", "--tenant-id", &tenant]);
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
        let said = folder.run(["init", "--url", url]).rejected();
        assert!(said.err.contains(why) && !said.err.contains("canary"), "{said:?}");
        assert!(!folder.file("gatekeeper.toml").exists(), "{url}");
    }
    assert!(folder.run(["init", "--tenant-id", "tnt_x"]).rejected().err.contains("tnt_"));
    assert!(
        folder
            .run(["init", "--tenant-id", "tnt_00000000000000000000000001"])
            .rejected()
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
    folder.run(["init", "--additional", "--open-signup"]).done();

    let folder = Folder::new();
    folder.write("gatekeeper.toml", "signup = \"closed\"\n");
    let said = folder.run(["init", "--open-signup"]).misused();
    assert!(said.err.contains("write signup = \"open\""), "{said:?}");
    assert!(!folder.file("gatekeeper.db").exists(), "nothing was made");
}

fn mode(folder: &Folder, file: &str) -> u32 {
    fs::metadata(folder.file(file)).unwrap().permissions().mode() & 0o777
}

/// Every file of a new database that has been used, and the settings.
const FILES: [&str; 3] = ["gatekeeper.db", "gatekeeper.db-secret", "gatekeeper.toml"];

#[test]
fn new_files_are_for_their_owner_alone_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let folder = Folder::new();
        let program = folder.command();
        let script = format!("umask {umask}; \"$0\" init && \"$0\" keys create");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-ec", &script]).arg(program.get_program()).current_dir(folder.path());
        said(&mut shell).done();
        for file in FILES {
            assert_eq!(mode(&folder, file), 0o600, "{file} with umask {umask}");
        }
        assert_eq!(mode(&folder, "gatekeeper.db-shared"), 0o700, "umask {umask}");
        for entry in fs::read_dir(folder.file("gatekeeper.db-shared")).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }
}

#[test]
fn init_with_a_group_lets_that_group_use_all_of_it() {
    let folder = Folder::new();
    // Root may choose any group; others only one of theirs.
    let own = fs::metadata(folder.path()).unwrap().gid();
    let group = if fs::metadata(folder.path()).unwrap().uid() == 0 { 1 } else { own };
    folder.run(["init", "--group", &group.to_string()]).done();
    folder.key();
    folder.run(["backup", "backup.db", "--with-secret"]).done();
    for file in FILES.into_iter().chain(["backup.db", "backup.db-secret", "gatekeeper.db-shared/words"]) {
        assert_eq!(mode(&folder, file), 0o660, "{file}");
        assert_eq!(fs::metadata(folder.file(file)).unwrap().gid(), group, "{file}");
    }
    assert_eq!(mode(&folder, "gatekeeper.db-shared"), 0o770);
    assert!(folder.run(["init", "--additional", "--group", "1"]).rejected().err.contains("chgrp GROUP"));
    let other = Folder::new();
    assert!(other.run(["init", "--group", "no such group"]).rejected().err.contains("getent group"));
    assert!(!other.file("gatekeeper.db").exists());
}

#[test]
fn a_url_that_is_none_makes_nothing_whatever_the_command() {
    let folder = Folder::new();
    for command in [&["init"][..], &["serve"], &["doctor"], &["keys", "list"], &["backup", "x.db"]] {
        let said = folder.run(command.iter().chain(&["--url", "localhost:8787"]));
        assert_ne!(said.code, 0, "{command:?}");
        assert!(format!("{}{}", said.out, said.err).contains("http://localhost:8787"), "{said:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
