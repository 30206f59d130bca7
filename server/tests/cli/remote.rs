use crate::serve::Server;
use crate::support::{CommandOutput, Folder, output_of, output_with_input, text};

/// A folder with a database, a server of that database, and its root key.
fn served() -> (Folder, Server, String) {
    let folder = Folder::new();
    let root = text(&folder.json(["init"])["rootKey"]);
    let server = Server::start(&folder, &["--port", "0"], 1);
    (folder, server, root)
}

fn run(server: &Server, token: &str, arguments: &[&str]) -> CommandOutput {
    let elsewhere = Folder::new();
    let url = format!("http://{}", server.address());
    output_of(elsewhere.command().args(arguments).env("GATEKEEPER_URL", url).env("GATEKEEPER_TOKEN", token))
}

#[test]
fn the_same_commands_work_with_a_server() {
    let (folder, server, root) = served();
    let created = run(&server, &root, &["keys", "create", "--name", "far", "--json"]).success().json();
    let id = text(&created["apiKey"]["id"]);
    assert!(run(&server, &root, &["keys", "list"]).success().out.contains("far"));
    assert!(folder.run(["keys", "list"]).success().out.contains("far"), "the same database");
    let url = format!("http://{}", server.address());
    let mut verify = folder.command();
    verify.args(["keys", "verify", "--endpoint", "GET_TASKS", "--json", "--url", &url]);
    verify.env("GATEKEEPER_TOKEN", &root).env("GATEKEEPER_KEY", text(&created["plainTextKey"]));
    assert_eq!(output_of(&mut verify).success().json()["ok"], true);
    let mut import = folder.command();
    import.args(["keys", "import", "-", "--json", "--url", &url]).env("GATEKEEPER_TOKEN", &root);
    let line = format!("{{\"digest\": \"{}\"}}\nnonsense\n", "ab".repeat(32));
    assert_eq!(output_with_input(&mut import, &line).rejected().json()["imported"], 1);
    run(&server, &root, &["keys", "revoke", &id]).success();
    assert!(run(&server, &root, &["doctor"]).success().out.contains("is ready"));
    // The endpoints in this folder's file have no effect: a server uses its own.
    assert_eq!(
        folder.run(["keys", "list", "--url", &url, "--json"]).rejected().error()["code"],
        "unauthorized"
    );
}

#[test]
fn a_server_rejects_anonymous_invalid_and_unauthorized_callers() {
    let (_folder, server, _) = served();
    let anonymous = run(&server, "", &["keys", "list"]).rejected();
    assert!(anonymous.err.contains("GATEKEEPER_TOKEN is not set"), "{anonymous:?}");
    let wrong = run(&server, "gkr_canary", &["keys", "list", "--json"]).rejected();
    assert_eq!(wrong.error()["status"], 401);
    assert!(!wrong.err.contains("canary"), "{wrong:?}");
    let operators = run(&server, "", &["platform", "rotate-signing-key", "--json"]).rejected();
    assert_eq!(operators.error()["status"], 401);
}

#[test]
fn the_hint_about_a_missing_token_appears_only_where_a_token_would_help() {
    let (folder, server, root) = served();
    let hint = "GATEKEEPER_TOKEN is not set";
    for arguments in [&["keys", "validate"][..], &["users", "login", "ada@example.com"]] {
        let mut command = folder.command();
        command.args(arguments).args(["--url", &format!("http://{}", server.address())]);
        let wrong = output_with_input(&mut command, "not a key\n").rejected();
        assert!(!wrong.err.contains(hint), "{wrong:?}");
        let wrong = folder.run_with_input("not a key\n", arguments).rejected();
        assert!(!wrong.err.contains(hint), "{wrong:?}");
    }
    assert!(folder.run(["users", "me"]).rejected().err.contains(hint));
    assert!(!run(&server, &root, &["users", "me"]).rejected().err.contains(hint));
}

#[test]
fn a_secret_in_a_variable_may_end_with_a_line_break() {
    let (folder, server, root) = served();
    run(&server, &format!("{root}\n"), &["keys", "list"]).success();
    let (_, key) = folder.key();
    let mut validate = folder.command();
    output_of(validate.args(["keys", "validate"]).env("GATEKEEPER_KEY", format!("{key}\r\n"))).success();
    // The file beside a database and the variable are one secret, with a line break or without.
    let own = Folder::new();
    let with = |secret: &str, arguments: &[&str]| {
        output_of(own.command().args(arguments).env("GATEKEEPER_SECRET", secret)).success()
    };
    with("a secret of some length\n", &["init"]);
    assert!(with("a secret of some length", &["doctor"]).out.contains("signing keys"));
    assert!(!own.file("gatekeeper.db-secret").exists());
}

#[test]
fn an_unreachable_server_is_reported() {
    let folder = Folder::new();
    let url = "http://127.0.0.1:1";
    let rejected = folder.run(["keys", "list", "--json", "--url", url]).rejected().error();
    assert_eq!(rejected["code"], "connection_error");
    let doctor = folder.run(["doctor", "--url", url]).rejected();
    assert!(
        doctor.out.contains("gatekeeper serve") && doctor.out.contains("GATEKEEPER_TOKEN is not set"),
        "{doctor:?}"
    );
}
