use crate::support::{Folder, said};

#[test]
fn what_is_in_force_is_shown_with_where_it_came_from_and_no_secret() {
    let folder = Folder::new();
    folder.write(
        "gatekeeper.toml",
        "issuer = \"mine\"\n[server]\nport = 1\n[endpoints.A]\ndefault = { maxReq = 1, duration = 1 }\n",
    );
    let mut command = folder.command();
    command
        .args(["config", "--json", "--url", "http://user:canary@host"])
        .env("GATEKEEPER_PORT", "2")
        .env("GATEKEEPER_TOKEN", "canary")
        .env("GATEKEEPER_SECRET", "canary-canary-canary");
    let shown = said(&mut command).done();
    assert!(!shown.out.contains("canary"), "{shown:?}");
    let config = shown.json();
    for (name, value, from) in [
        ("url", "http://***@host".into(), "--url"),
        ("server.port", 2.into(), "GATEKEEPER_PORT"),
        ("issuer", "mine".into(), "gatekeeper.toml"),
        ("audience", "gatekeeper".into(), "default"),
        ("GATEKEEPER_TOKEN", "***".into(), "GATEKEEPER_TOKEN"),
    ] {
        let setting = &config["settings"][name];
        assert_eq!((&setting["value"], &setting["from"]), (&value, &from.into()), "{name}");
    }
    assert_eq!(config["endpoints"][0], "A");
    assert!(folder.run(["config"]).done().out.contains("server.port"));
}

#[test]
fn a_configuration_that_is_wrong_is_rejected_by_name() {
    let folder = Folder::new();
    folder.write("gatekeeper.toml", "[server]\nprot = 1\n");
    let rejected = folder.run(["keys", "list"]).rejected();
    assert!(rejected.err.contains("gatekeeper.toml: server.prot is not known here"), "{rejected:?}");
    let rejected = folder.run(["config", "--config", "no.toml", "--json"]).rejected().error();
    assert!(rejected["error"].as_str().unwrap().starts_with("no.toml: cannot be read"), "{rejected}");
    let port = said(folder.command().args(["config", "--config", "/dev/null"]).env("GATEKEEPER_PORT", "x"));
    assert!(port.rejected().err.contains("GATEKEEPER_PORT must be"));
}
