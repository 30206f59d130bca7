use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{CommandOutput, Folder, output_of};

/// The most severe finding of a check: its level, its message and its fix.
#[track_caller]
fn found(output: &CommandOutput, check: &str) -> (String, String) {
    let all = output.json();
    let findings = all["checks"].as_array().unwrap();
    let mut of_check: Vec<&Value> = findings.iter().filter(|finding| finding["check"] == check).collect();
    of_check.sort_by_key(|finding| {
        ["error", "warning", "hint", "ok"].iter().position(|level| finding["level"] == *level)
    });
    let worst = of_check.first().unwrap_or_else(|| panic!("no {check}: {output:?}"));
    (worst["level"].as_str().unwrap().to_owned(), format!("{} -> {}", worst["message"], worst["fix"]))
}

#[track_caller]
fn expect(output: &CommandOutput, check: &str, level: &str, word: &str) {
    let (found_level, text) = found(output, check);
    assert!(found_level == level && text.contains(word), "{check}: {found_level} {text}");
    assert_eq!(output.code, i32::from(output.json()["ok"] == false));
}

fn settings(folder: &Folder, text: &str) {
    folder.write("gatekeeper.toml", text);
}

#[test]
fn a_new_database_has_no_errors_or_warnings() {
    let folder = Folder::with_gatekeeper();
    // Another program may use the default port.
    let output = output_of(folder.command().args(["doctor", "--json"]).env("GATEKEEPER_PORT", "0")).success();
    for check in [
        "configuration",
        "environment",
        "folder",
        "database",
        "permissions",
        "secret",
        "endpoints",
        "address",
        "clock",
    ] {
        assert_eq!(found(&output, check).0, "ok", "{check}");
    }
    assert!(folder.run(["doctor", "--config", "/dev/null"]).out.contains("warning  endpoints"));
}

#[test]
fn problems_of_the_configuration_are_reported() {
    let folder = Folder::with_gatekeeper();
    settings(&folder, "[server]\nprot = 1");
    expect(&folder.run(["doctor", "--json"]), "configuration", "error", "server.prot");
    settings(
        &folder,
        "[server]\ntrustedProxies = [\"0.0.0.0/0\"]\ncorsOrigins = [\"*\"]\ngatewayListen = \"x\"",
    );
    let output = output_of(folder.command().args(["doctor", "--json"]).env("GATEKEEPER_PROT", "1"));
    expect(&output, "environment", "warning", "GATEKEEPER_PROT");
    expect(&output, "proxies", "error", "trusted from every address");
    expect(&output, "cors", "warning", "every origin");
    expect(&output, "gateways", "error", "127.0.0.1:8788");
    settings(&folder, "[server]\ncorsOrigins = [\"app.example.com\"]");
    expect(&folder.run(["doctor", "--json"]), "cors", "error", "without a path");
    settings(
        &folder,
        "[server]\nhost = \"0.0.0.0\"\nport = 0\ngatewayListen = \"0.0.0.0:0\"\nmaxConnections = 1000000",
    );
    let output = folder.run(["doctor", "--json"]);
    expect(&output, "tls", "warning", "unencrypted");
    expect(&output, "gateways", "warning", "other machines");
    expect(&output, "open files", "warning", "LimitNOFILE");
}

#[test]
fn a_role_with_a_lower_limit_than_the_default_is_reported() {
    let folder = Folder::with_gatekeeper();
    settings(
        &folder,
        "[endpoints.A]\ndefault = { maxReq = 10, duration = 1000 }\nroles.SLOW = { maxReq = 10, duration = 1001 }\nroles.FAST = { maxReq = 1, duration = 99 }",
    );
    let output = folder.run(["doctor", "--json"]);
    expect(&output, "endpoints", "hint", "A.SLOW");
    assert!(!found(&output, "endpoints").1.contains("FAST"));
    settings(&folder, "");
    expect(&folder.run(["doctor", "--json"]), "endpoints", "warning", "[endpoints.NAME]");
}

#[test]
fn a_missing_foreign_or_newer_database_is_reported_and_not_changed() {
    let folder = Folder::new();
    expect(&folder.run(["doctor", "--json"]), "database", "error", "gatekeeper init");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    expect(&folder.run(["doctor", "--json", "--url", "no/such/x.db"]), "folder", "error", "mkdir -p no/such");
    expect(
        &folder.run(["doctor", "--json", "--url", "/proc/x.db"]),
        "disk space",
        "error",
        "free disk space",
    );
    expect(
        &folder.run(["doctor", "--json", "--url", "memory:"]),
        "database",
        "warning",
        "lost when the process ends",
    );

    let other = Connection::open(folder.file("other.db")).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    expect(&folder.run(["doctor", "--json", "--url", "other.db"]), "database", "error", "another program");

    let folder = Folder::with_gatekeeper();
    let ours = Connection::open(folder.file("gatekeeper.db")).unwrap();
    ours.pragma_update(None, "user_version", 1000).unwrap();
    drop(ours);
    expect(&folder.run(["doctor", "--json"]), "database", "error", "newer version");
}

#[test]
fn a_database_without_a_root_key_is_reported() {
    let folder = Folder::with_gatekeeper();
    let ours = Connection::open(folder.file("gatekeeper.db")).unwrap();
    ours.execute("DELETE FROM root_keys", []).unwrap();
    drop(ours);
    expect(&folder.run(["doctor", "--json"]), "database", "warning", "gatekeeper init");
}

#[test]
fn the_suffixes_of_imported_keys_are_reported_by_tenant() {
    let folder = Folder::with_gatekeeper();
    settings(&folder, "importSuffixesPerTenant = 3\nimportSuffixes = 3");
    let import = |number: usize, suffix: &str| {
        let line = format!("{{\"digest\": \"{number:064x}\", \"suffix\": \"{suffix}\"}}");
        folder.run_with_input(&line, ["keys", "import", "-"])
    };
    for (number, suffix) in ["", "canary-salt", "canary-salt"].into_iter().enumerate() {
        import(number, suffix).success();
    }
    let output = folder.run(["doctor", "--json"]);
    expect(&output, "imports", "ok", "2 of 3 suffixes");
    expect(&output, "imports", "ok", "has 2 with 3 keys");
    assert!(!output.out.contains("canary"), "{output:?}");
    import(3, "another").success();
    expect(&folder.run(["doctor", "--json"]), "imports", "warning", "importSuffixes");
    import(4, "one too many").rejected();
}

#[test]
fn permissions_for_other_users_are_reported() {
    let folder = Folder::with_gatekeeper();
    for (mode, level) in [(0o640, "ok"), (0o644, "warning"), (0o666, "error")] {
        fs::set_permissions(folder.file("gatekeeper.db"), Permissions::from_mode(mode)).unwrap();
        assert_eq!(found(&folder.run(["doctor", "--json"]), "permissions").0, level, "{mode:o}");
    }
    fs::set_permissions(folder.file("gatekeeper.db"), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.file("gatekeeper.db-secret"), Permissions::from_mode(0o644)).unwrap();
    expect(&folder.run(["doctor", "--json"]), "secret file", "error", "chmod 600");
}

#[test]
fn side_files_open_to_others_or_closed_to_the_group_are_reported() {
    let folder = Folder::with_gatekeeper();
    let allow =
        |file: &str, mode| fs::set_permissions(folder.file(file), Permissions::from_mode(mode)).unwrap();
    // Read permission alone would be removed by the first process that opens the database.
    allow("gatekeeper.db-shared", 0o707);
    expect(&folder.run(["doctor", "--json"]), "side files", "warning", "chmod o-rwx");
    allow("gatekeeper.db-shared", 0o700);
    allow("gatekeeper.db", 0o660);
    expect(&folder.run(["doctor", "--json"]), "side files", "warning", "chmod g+rwX");
    allow("gatekeeper.toml", 0o666);
    expect(&folder.run(["doctor", "--json"]), "configuration", "warning", "chmod o-w");
}

#[test]
fn a_database_with_two_names_is_reported() {
    let folder = Folder::with_gatekeeper();
    fs::hard_link(folder.file("gatekeeper.db"), folder.file("link.db")).unwrap();
    expect(&folder.run(["doctor", "--json"]), "database", "error", "hard link");
}

#[test]
fn a_short_or_different_secret_is_reported_and_not_repeated() {
    let folder = Folder::with_gatekeeper();
    let with = |secret: &str| {
        output_of(folder.command().args(["doctor", "--json"]).env("GATEKEEPER_SECRET", secret))
    };
    expect(&with("canary"), "secret", "error", "at least 16 bytes");
    let other = with("canary-canary-canary");
    expect(&other, "secret", "warning", "differs from the secret in");
    assert!(!other.out.contains("canary"), "{other:?}");
    let kept = fs::read_to_string(folder.file("gatekeeper.db-secret")).unwrap();
    assert_eq!(found(&with(&kept), "secret").0, "ok");
}

#[test]
fn a_missing_row_is_reported_with_the_sql_that_restores_it() {
    for (table, word) in [("changes", "INSERT INTO changes"), ("tenants", "INSERT INTO tenants")] {
        let folder = Folder::with_gatekeeper();
        let ours = Connection::open(folder.file("gatekeeper.db")).unwrap();
        ours.execute_batch(&format!("PRAGMA foreign_keys = OFF; DELETE FROM {table}")).unwrap();
        drop(ours);
        expect(&folder.run(["doctor", "--json"]), "database", "error", word);
    }
}

#[test]
fn signing_keys_that_cannot_be_decrypted_are_reported_and_doctor_creates_no_secret() {
    const OLD: &str = "the old secret, long enough";
    const NEW: &str = "the new secret, long enough";
    let folder = Folder::new();
    output_of(folder.command().arg("init").env("GATEKEEPER_SECRET", OLD)).success();
    let doctor = |secret: &str, previous: &str| {
        let mut command = folder.command();
        command.args(["doctor", "--json"]).env("GATEKEEPER_SECRET", secret);
        output_of(command.env("GATEKEEPER_SECRET_PREVIOUS", previous))
    };
    assert_eq!(found(&doctor(OLD, ""), "signing keys").0, "ok");
    expect(&doctor(NEW, ""), "signing keys", "warning", "GATEKEEPER_SECRET_PREVIOUS");
    expect(&doctor(NEW, OLD), "signing keys", "hint", "only with");
    expect(&doctor(NEW, "short"), "secret", "error", "GATEKEEPER_SECRET_PREVIOUS must be at least 16 bytes");
    // Without a secret, doctor does not create one.
    folder.run(["doctor"]);
    assert!(!folder.file("gatekeeper.db-secret").exists());

    let gatekeeper = folder.file("gatekeeper.db");
    let mut rotate = folder.command();
    rotate.args(["platform", "rotate-signing-key"]).env("GATEKEEPER_SECRET", NEW);
    output_of(&mut rotate).success();
    assert!(gatekeeper.exists());
    assert_eq!(found(&doctor(NEW, ""), "signing keys").0, "ok");
    expect(&doctor(NEW, OLD), "signing keys", "hint", "unset it");
}

#[test]
fn a_port_that_is_in_use_is_reported() {
    let folder = Folder::with_gatekeeper();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    settings(&folder, &format!("[server]\nport = {port}"));
    expect(&folder.run(["doctor", "--json"]), "address", "error", "server.port");
    settings(&folder, "[server]\nhost = \"no.such.host.invalid\"");
    expect(&folder.run(["doctor", "--json"]), "address", "error", "server.host");
    settings(&folder, "[server]\nsocket = \"/proc/no/such/socket\"");
    expect(&folder.run(["doctor", "--json"]), "address", "error", "/proc/no/such");
}

#[test]
fn an_invalid_certificate_is_reported() {
    let folder = Folder::with_gatekeeper();
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    for name in ["one", "two"] {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ed25519",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-days",
            "90",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
    }
    openssl(&["req", "-x509", "-key", "one.key", "-subj", "/CN=localhost", "-days", "3", "-out", "soon.pem"]);
    let with = |certificate: &str, key: &str| {
        settings(&folder, &format!("[server]\nport = 0\ntlsCert = \"{certificate}\"\ntlsKey = \"{key}\""));
        folder.run(["doctor", "--json"])
    };
    assert_eq!(found(&with("one.pem", "one.key"), "certificate").0, "ok");
    expect(&with("soon.pem", "one.key"), "certificate", "warning", "renew");
    expect(&with("one.pem", "two.key"), "certificate", "error", "is not the key of");
    expect(&with("no.pem", "one.key"), "certificate", "error", "no.pem");
    expect(&with("one.key", "one.key"), "certificate", "error", "contains no certificate");
    fs::set_permissions(folder.file("one.key"), Permissions::from_mode(0o644)).unwrap();
    expect(&with("one.pem", "one.key"), "certificate", "error", "chmod");
    settings(&folder, "[server]\ntlsCert = \"one.pem\"");
    expect(&folder.run(["doctor", "--json"]), "certificate", "error", "server.tlsKey");
}

#[test]
fn a_clock_that_is_behind_the_database_is_reported() {
    let folder = Folder::with_gatekeeper();
    let file = fs::File::options().write(true).open(folder.file("gatekeeper.db")).unwrap();
    let later = file.metadata().unwrap().modified().unwrap() + std::time::Duration::from_secs(3600);
    file.set_modified(later).unwrap();
    drop(file);
    expect(&folder.run(["doctor", "--json"]), "clock", "error", "chrony");
}

#[test]
fn keys_that_no_verifier_accepts_and_missing_tenants_are_reported() {
    let folder = Folder::with_gatekeeper();
    let doctor = || output_of(folder.command().args(["doctor", "--json"]).env("GATEKEEPER_PORT", "0"));
    folder.key();
    expect(&doctor(), "tenants", "ok", "every valid key");
    let tenant = |name: &str| folder.json(["tenants", "create", name])["id"].as_str().unwrap().to_owned();
    let (acme, other) = (tenant("Acme Inc"), tenant("Other Inc"));
    for _ in 0..2 {
        folder.run(["keys", "create", "--tenant", &acme]).success();
    }
    folder.run(["keys", "create", "--tenant", &other]).success();
    expect(&doctor(), "tenants", "warning", "3 keys of 2 tenants are accepted by no verifier");
    folder.run(["root-keys", "create", "--tenant", &acme]).success();
    expect(&doctor(), "tenants", "warning", "1 key of 1 tenant is accepted by no verifier");
    settings(&folder, &format!("[gateway]\ntenants = [\"default\", \"{other}\"]"));
    expect(&doctor(), "tenants", "ok", "every valid key");
    settings(&folder, "[gateway]\ntenants = [\"tnt_7zzzzzzzzzzzzzzzzzzzzzzzzz\"]");
    expect(&doctor(), "tenants", "warning", "tnt_7zzzzzzzzzzzzzzzzzzzzzzzzz");
}

#[test]
fn who_may_sign_up_is_reported() {
    let folder = Folder::with_gatekeeper();
    let doctor = || output_of(folder.command().args(["doctor", "--json"]).env("GATEKEEPER_PORT", "0"));
    for (text, level, word) in [
        ("", "ok", "open to programs on this machine"),
        ("signup = \"closed\"", "ok", "sign-up is closed"),
        ("signup = \"open\"", "hint", "any client that reaches the server"),
        ("[server]\ntrustedProxies = [\"127.0.0.1\"]", "hint", "the server has trusted proxies"),
    ] {
        settings(&folder, text);
        expect(&doctor(), "sign-up", level, word);
    }
}

#[test]
fn former_names_are_reported_with_the_new_name() {
    let folder = Folder::with_gatekeeper();
    settings(&folder, "[server]\nport = 0\ncheckListen = \"127.0.0.1:0\"");
    let mut command = folder.command();
    command.args(["doctor", "--json"]).env("GATEKEEPER_BASE_URL", "sqlite:gatekeeper.db");
    let output = output_of(&mut command).success();
    expect(&output, "environment", "hint", "GATEKEEPER_BASE_URL is now GATEKEEPER_URL\" -> \"rename it");
    expect(&output, "configuration", "hint", "server.checkListen is now server.gatewayListen");
}
