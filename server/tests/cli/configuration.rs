use crate::support::{Folder, output_of};

#[test]
fn the_effective_configuration_is_shown_with_its_sources_and_without_secrets() {
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
    let shown = output_of(&mut command).success();
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
    assert!(folder.run(["config"]).success().out.contains("server.port"));
}

#[test]
fn an_invalid_configuration_is_rejected_by_name() {
    let folder = Folder::new();
    folder.write("gatekeeper.toml", "[server]\nprot = 1\n");
    let rejected = folder.run(["keys", "list"]).rejected();
    assert!(rejected.err.contains("gatekeeper.toml: server.prot is not a known setting"), "{rejected:?}");
    let rejected = folder.run(["config", "--config", "no.toml", "--json"]).rejected().error();
    assert!(rejected["error"].as_str().unwrap().starts_with("no.toml: cannot be read"), "{rejected}");
    let port =
        output_of(folder.command().args(["config", "--config", "/dev/null"]).env("GATEKEEPER_PORT", "x"));
    assert!(port.rejected().err.contains("GATEKEEPER_PORT must be"));
}

#[test]
fn former_names_of_flags_still_work() {
    let folder = Folder::with_gatekeeper();
    folder.run(["init", "--another"]).success();
    // Rejected for want of a token, not as an unknown flag.
    folder.run(["users", "logout", "--everywhere"]).rejected();
    for hidden in ["--another", "--everywhere", "--unix", "--check-listen"] {
        for command in [&["init", "--help"][..], &["users", "logout", "--help"], &["serve", "--help"]] {
            assert!(!folder.run(command).success().out.contains(hidden), "{command:?} {hidden}");
        }
    }
}
