use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::{Folder, output_of, text};

#[test]
fn init_creates_a_database_that_can_verify_keys() {
    let folder = Folder::new();
    let output = folder.run(["init"]).success();
    let root_key = output.out.split_whitespace().find(|word| word.starts_with("gkr_")).expect("a root key");
    assert!(output.err.contains("cannot be shown again") && !output.err.contains(root_key));
    for (file, mode) in [("gatekeeper.db", 0o600), ("gatekeeper.db-secret", 0o600)] {
        assert_eq!(fs::metadata(folder.file(file)).unwrap().permissions().mode() & 0o777, mode, "{file}");
    }
    let (_, key) = folder.key();
    let verdict =
        folder.run_with_input(&key, ["keys", "verify", "--endpoint", "GET_TASKS", "--json"]).success().json();
    assert_eq!((&verdict["ok"], &verdict["total"]), (&true.into(), &10.into()));
}

#[test]
fn init_prints_the_url_the_tenant_and_the_root_key_in_json() {
    let folder = Folder::new();
    let made = folder.json(["init"]);
    assert_eq!(made["url"], "sqlite:gatekeeper.db");
    assert_eq!(made["tenantId"], "tnt_00000000000000000000000000");
    assert!(text(&made["rootKey"]).starts_with("gkr_"));
    assert_eq!(made.as_object().unwrap().len(), 3);
}

#[test]
fn a_second_root_key_is_created_only_with_additional() {
    let folder = Folder::with_gatekeeper();
    let output = folder.run(["init", "--json"]).rejected();
    assert_eq!((output.out.as_str(), &output.error()["code"]), ("", &"conflict".into()));
    assert!(folder.run(["init"]).rejected().err.contains("add --additional"));

    let acme = folder.json(["init", "--additional", "--tenant-name", "Acme Inc"]);
    let tenant = text(&acme["tenantId"]);
    let again = folder.json(["init", "--additional", "--tenant-id", &tenant]);
    assert_eq!(again["tenantId"], acme["tenantId"]);
    assert_ne!(again["rootKey"], acme["rootKey"]);
    assert!(folder.run(["tenants", "list"]).success().out.contains("Acme Inc"));
}

#[test]
fn only_one_of_several_concurrent_inits_creates_a_root_key() {
    let folder = Folder::new();
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| folder.run(["init", "--json"]))).collect();
        all.into_iter()
            .map(|one| one.join().unwrap())
            .inspect(|output| assert!(output.code <= 1, "{output:?}"))
            .map(|output| output.code)
            .collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
}

#[test]
fn init_keeps_an_existing_configuration_file_and_writes_the_url_into_a_new_one() {
    let folder = Folder::new();
    folder.write("gatekeeper.toml", "url = \"sqlite:mine.db\"\n");
    assert_eq!(folder.json(["init"])["url"], "sqlite:mine.db");
    assert_eq!(fs::read_to_string(folder.file("gatekeeper.toml")).unwrap(), "url = \"sqlite:mine.db\"\n");

    let folder = Folder::new();
    folder.run(["init", "--url", "odd \" name.db", "--config", "own.toml"]).success();
    let listed = folder.run(["keys", "list", "--config", "own.toml"]).success();
    assert!(listed.out.starts_with("id"), "{listed:?}");
}

#[test]
fn init_reports_why_it_cannot_create_the_database() {
    let folder = Folder::new();
    for (url, why) in [
        ("memory:", "is lost when this command ends"),
        ("http://localhost:1", "on the server's machine"),
        ("sqlite:no/such/folder.db", "create"),
        ("sqlite:/proc/gatekeeper.db", "cannot be opened"),
        ("mysql://canary@host", "mysql"),
        ("postgres://canary@host", "postgres"),
    ] {
        let output = folder.run(["init", "--url", url]).rejected();
        assert!(output.err.contains(why) && !output.err.contains("canary"), "{output:?}");
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
    folder.run(["init", "--tenant-id", "x", "--tenant-name", "y"]).usage_error();
}

#[test]
fn init_opens_sign_up_in_a_new_configuration_file_and_keeps_an_existing_one() {
    let folder = Folder::new();
    folder.run(["init", "--open-signup"]).success();
    let settings = fs::read_to_string(folder.file("gatekeeper.toml")).unwrap();
    assert!(settings.contains("\nsignup = \"open\"\n"));
    assert_eq!(folder.json(["config"])["settings"]["signup"]["value"], "open");
    // Sign-up is open already, so the existing file need not change.
    folder.run(["init", "--additional", "--open-signup"]).success();

    let folder = Folder::new();
    folder.write("gatekeeper.toml", "signup = \"closed\"\n");
    let output = folder.run(["init", "--open-signup"]).usage_error();
    assert!(output.err.contains("write signup = \"open\""), "{output:?}");
    assert!(!folder.file("gatekeeper.db").exists(), "nothing was made");
}

fn mode(folder: &Folder, file: &str) -> u32 {
    fs::metadata(folder.file(file)).unwrap().permissions().mode() & 0o777
}

/// The files of a new database and its configuration.
const FILES: [&str; 3] = ["gatekeeper.db", "gatekeeper.db-secret", "gatekeeper.toml"];

#[test]
fn new_files_are_only_for_their_owner_regardless_of_the_umask() {
    for umask in ["000", "022", "077"] {
        let folder = Folder::new();
        let program = folder.command();
        let script = format!("umask {umask}; \"$0\" init && \"$0\" keys create");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-ec", &script]).arg(program.get_program()).current_dir(folder.path());
        output_of(&mut shell).success();
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
fn init_with_a_group_lets_that_group_use_all_files() {
    let folder = Folder::new();
    // Root may choose any group, other users only one that they belong to.
    let own = fs::metadata(folder.path()).unwrap().gid();
    let group = if fs::metadata(folder.path()).unwrap().uid() == 0 { 1 } else { own };
    folder.run(["init", "--group", &group.to_string()]).success();
    folder.key();
    folder.run(["backup", "backup.db", "--with-secret"]).success();
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
fn an_invalid_url_creates_nothing_with_any_command() {
    let folder = Folder::new();
    for command in [&["init"][..], &["serve"], &["doctor"], &["keys", "list"], &["backup", "x.db"]] {
        let output = folder.run(command.iter().chain(&["--url", "localhost:8787"]));
        assert_ne!(output.code, 0, "{command:?}");
        assert!(format!("{}{}", output.out, output.err).contains("http://localhost:8787"), "{output:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
