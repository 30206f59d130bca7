use crate::serve::Server;
use crate::support::{Folder, Said, said, text, told};

/// A folder whose place is served, and what it takes to be its root key's bearer.
fn served() -> (Folder, Server, String) {
    let folder = Folder::new();
    let root = text(&folder.json(["init"])["rootKey"]);
    let server = Server::start(&folder, &["--port", "0"], 1);
    (folder, server, root)
}

fn run(server: &Server, token: &str, arguments: &[&str]) -> Said {
    let elsewhere = Folder::new();
    let url = format!("http://{}", server.address());
    said(elsewhere.command().args(arguments).env("GATEKEEPER_URL", url).env("GATEKEEPER_TOKEN", token))
}

#[test]
fn the_same_commands_work_at_a_server() {
    let (folder, server, root) = served();
    let created = run(&server, &root, &["keys", "create", "--name", "far", "--json"]).done().json();
    let id = text(&created["apiKey"]["id"]);
    assert!(run(&server, &root, &["keys", "list"]).done().out.contains("far"));
    assert!(folder.run(["keys", "list"]).done().out.contains("far"), "the same place");
    let url = format!("http://{}", server.address());
    let mut verify = folder.command();
    verify.args(["keys", "verify", "--endpoint", "GET_TASKS", "--json", "--url", &url]);
    verify.env("GATEKEEPER_TOKEN", &root).env("GATEKEEPER_KEY", text(&created["plainTextKey"]));
    assert_eq!(said(&mut verify).done().json()["ok"], true);
    let mut import = folder.command();
    import.args(["keys", "import", "-", "--json", "--url", &url]).env("GATEKEEPER_TOKEN", &root);
    let line = format!("{{\"digest\": \"{}\"}}\nnonsense\n", "ab".repeat(32));
    assert_eq!(told(&mut import, &line).rejected().json()["imported"], 1);
    run(&server, &root, &["keys", "revoke", &id]).done();
    assert!(run(&server, &root, &["doctor"]).done().out.contains("is ready"));
    // This folder's file defines endpoints, which the server has of its own.
    assert_eq!(
        folder.run(["keys", "list", "--url", &url, "--json"]).rejected().error()["code"],
        "unauthorized"
    );
}

#[test]
fn a_server_rejects_whom_it_does_not_know_and_what_is_not_theirs() {
    let (_folder, server, _) = served();
    let nobody = run(&server, "", &["keys", "list"]).rejected();
    assert!(nobody.err.contains("GATEKEEPER_TOKEN is not set"), "{nobody:?}");
    let wrong = run(&server, "gkr_canary", &["keys", "list", "--json"]).rejected();
    assert_eq!(wrong.error()["status"], 401);
    assert!(!wrong.err.contains("canary"), "{wrong:?}");
    let operators = run(&server, "", &["platform", "rotate-signing-key", "--json"]).rejected();
    assert_eq!(operators.error()["status"], 401);
}

#[test]
fn a_token_is_asked_for_only_where_one_would_help() {
    let (folder, server, root) = served();
    let hint = "GATEKEEPER_TOKEN is not set";
    for arguments in [&["keys", "validate"][..], &["users", "login", "ada@example.com"]] {
        let mut command = folder.command();
        command.args(arguments).args(["--url", &format!("http://{}", server.address())]);
        let wrong = told(&mut command, "not a key\n").rejected();
        assert!(!wrong.err.contains(hint), "{wrong:?}");
        let wrong = folder.tell("not a key\n", arguments).rejected();
        assert!(!wrong.err.contains(hint), "{wrong:?}");
    }
    assert!(folder.run(["users", "me"]).rejected().err.contains(hint));
    assert!(!run(&server, &root, &["users", "me"]).rejected().err.contains(hint));
}

#[test]
fn a_secret_of_a_variable_may_end_with_the_line_break_that_a_file_left_there() {
    let (folder, server, root) = served();
    run(&server, &format!("{root}\n"), &["keys", "list"]).done();
    let (_, key) = folder.key();
    let mut validate = folder.command();
    said(validate.args(["keys", "validate"]).env("GATEKEEPER_KEY", format!("{key}\r\n"))).done();
    // The file beside a database and the variable are one secret, with a line break or without.
    let own = Folder::new();
    let with = |secret: &str, arguments: &[&str]| {
        said(own.command().args(arguments).env("GATEKEEPER_SECRET", secret)).done()
    };
    with("a secret of some length\n", &["init"]);
    assert!(with("a secret of some length", &["doctor"]).out.contains("signing keys"));
    assert!(!own.file("gatekeeper.db-secret").exists());
}

#[test]
fn a_server_that_is_not_there_is_told_of() {
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
