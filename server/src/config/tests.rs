use std::ffi::OsString;
use std::fs;

use gatekeeper::Tenants;
use gatekeeper::blocking::Gatekeeper;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect()
}

fn loaded(text: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.toml");
    fs::write(&path, text).unwrap();
    Config::load(&Flags { file: Some(path), ..flags }, environment(variables))
}

fn rejection(text: &str) -> String {
    let message = loaded(text, &[], Flags::default()).unwrap_err().message().to_owned();
    message.split_once("gatekeeper.toml: ").expect("the file is named").1.to_owned()
}

#[test]
fn a_flag_overrides_a_variable_which_overrides_the_file_which_overrides_the_default() {
    let port = |text, variables: &[_], flags| {
        let config = loaded(text, variables, flags).unwrap();
        let origin = config.effective(&PORT).unwrap().origin.clone();
        (config.integer(&PORT), origin)
    };
    let (file, variable) = ("[server]\nport = 2", [("GATEKEEPER_PORT", "3")]);
    let flag = || Flags::default().with(&PORT, Some(4_u16));
    assert_eq!(port(file, &variable, flag()), (Some(4), Origin::Flag("--port")));
    assert_eq!(port(file, &variable, Flags::default()), (Some(3), Origin::Variable("GATEKEEPER_PORT")));
    let (value, origin) = port(file, &[("GATEKEEPER_PORT", "")], Flags::default());
    assert!(value == Some(2) && matches!(origin, Origin::File(_)), "an empty variable counts as not set");
    assert_eq!(port("", &[], Flags::default()), (Some(8787), Origin::Default));
}

#[test]
fn every_default_can_be_parsed_and_every_setting_can_be_set_in_the_file() {
    assert_eq!(TENANT.default, Some(Gatekeeper::DEFAULT_TENANT.to_string().as_str()));
    for setting in ALL {
        if let Some(default) = setting.default {
            setting.parse(default).unwrap();
        }
        let value = match setting.kind {
            Kind::Text => "\"x\"".to_owned(),
            Kind::List => "[\"x\", \"y\"]".to_owned(),
            Kind::Tenants => "[\"default\", \"tnt_01jdx0x3v0f7zsn8f4k3m9qz5r\"]".to_owned(),
            Kind::Integer(min, _) => min.to_string(),
            Kind::OneOf(known) => format!("{:?}", known[0]),
        };
        let text = match setting.path() {
            (Some(table), name) => format!("[{table}]\n{name} = {value}"),
            (None, name) => format!("{name} = {value}"),
        };
        let config = loaded(&text, &[], Flags::default()).unwrap();
        assert!(matches!(config.effective(setting).unwrap().origin, Origin::File(_)), "{text}");
    }
}

#[test]
fn an_unknown_setting_or_an_invalid_value_is_rejected_by_name() {
    assert!(rejection("prot = 1").starts_with("prot is not a known setting: the settings are url, tenant, "));
    assert!(
        rejection("[server]\nprot = 1")
            .starts_with("server.prot is not a known setting: [server] has host, port, ")
    );
    assert!(rejection("[servers]\nport = 1").starts_with("servers is not a known setting"));
    assert_eq!(rejection("[server]\nport = 65536"), "server.port must be a whole number from 0 to 65535");
    assert_eq!(rejection("[server]\nport = \"1\""), "server.port must be a whole number from 0 to 65535");
    assert_eq!(rejection("url = \"\""), "url must be a non-empty text");
    assert_eq!(rejection("signingAlgorithm = \"HS256\""), "signingAlgorithm must be one of EdDSA, RS256");
    assert_eq!(
        rejection("[server]\ncorsOrigins = [1]"),
        "server.corsOrigins must be a list of non-empty texts"
    );
    assert!(rejection("server = 1").starts_with("server is not a known setting"));
    assert!(
        rejection("[endpoints.GET]\ndefault = { maxReq = 0, duration = 1 }")
            .starts_with("endpoints.GET.default.maxReq must be")
    );
    assert!(rejection("endpoints = 7").starts_with("endpoints must be an object"));
}

#[test]
fn a_secret_in_the_file_is_rejected_and_not_repeated() {
    for text in ["secret = \"canary\"", "token = \"canary\"", "x = canary", "\ntoken \"canary\""] {
        let message = rejection(text);
        assert!(!message.contains("canary"), "{message}");
    }
    assert!(rejection("token = \"x\"").contains("set GATEKEEPER_TOKEN instead"));
    assert!(rejection("\n\nx = canary").starts_with("line 3 is not TOML"));
}

#[test]
fn an_invalid_variable_is_rejected_by_name_and_its_value_is_not_repeated() {
    let rejected = loaded("", &[("GATEKEEPER_PORT", "canary")], Flags::default()).unwrap_err();
    assert_eq!(rejected.message(), "GATEKEEPER_PORT must be a whole number from 0 to 65535");
    let of_kubernetes = loaded("", &[("GATEKEEPER_PORT", "tcp://10.0.0.1:8787")], Flags::default());
    assert!(of_kubernetes.unwrap_err().message().contains("enableServiceLinks: false"));
    let environment = environment(&[("GATEKEEPER_PROT", "1"), ("GATEKEEPER_PORT", "1"), ("PROT", "1")]);
    assert_eq!(environment.unknown().collect::<Vec<_>>(), ["GATEKEEPER_PROT"]);
    assert!(!format!("{environment:?}").contains('1'));
}

#[test]
fn lists_can_be_set_in_all_sources() {
    let flags = Flags::default().with_list(&CORS_ORIGINS, &["https://a".to_owned()]);
    assert_eq!(loaded("", &[], flags).unwrap().list(&CORS_ORIGINS), ["https://a"]);
    let variables = [("GATEKEEPER_TRUSTED_PROXIES", "10.0.0.0/8, ::1,")];
    assert_eq!(
        loaded("", &variables, Flags::default()).unwrap().list(&TRUSTED_PROXIES),
        ["10.0.0.0/8", "::1"]
    );
}

#[test]
fn the_tenants_of_gateways_are_all_or_a_list_in_every_source() {
    const ACME: &str = "tnt_01jdx0x3v0f7zsn8f4k3m9qz5r";
    let tenants = |text: &str, variables: &[(&str, &str)]| {
        loaded(text, variables, Flags::default()).map(|config| config.gateway_tenants().unwrap())
    };
    let both = Tenants::named(&["default", ACME]).unwrap();
    assert_eq!(tenants("", &[]).unwrap(), Tenants::DEFAULT);
    assert_eq!(tenants("[gateway]\ntenants = \"all\"", &[]).unwrap(), Tenants::ALL);
    assert_eq!(tenants(&format!("[gateway]\ntenants = [\"default\", \"{ACME}\"]"), &[]).unwrap(), both);
    let of_variable = |value: &str| tenants("", &[("GATEKEEPER_GATEWAY_TENANTS", value)]);
    assert_eq!(of_variable(&format!("default, {ACME}")).unwrap(), both);
    assert_eq!(of_variable("all").unwrap(), Tenants::ALL);
    for wrong in ["canary", "all,default", ","] {
        let error = of_variable(wrong).unwrap_err();
        assert!(
            error.message().starts_with("GATEKEEPER_GATEWAY_TENANTS must be \"all\" or a list"),
            "{error}"
        );
        assert!(!error.message().contains("canary"));
    }
    for wrong in ["[]", "\"default\"", "[\"all\"]", "7"] {
        let rejection = rejection(&format!("[gateway]\ntenants = {wrong}"));
        assert!(rejection.starts_with("gateway.tenants must be"), "{rejection}");
    }
    assert!(
        rejection("[gateway]\nprot = 1")
            .starts_with("gateway.prot is not a known setting: [gateway] has tenants")
    );
    assert!(
        rejection("[tokens]\nprot = 1")
            .starts_with("tokens.prot is not a known setting: [tokens] has audiences")
    );
}

#[test]
fn only_an_embedded_database_on_disk_has_a_file() {
    let database = |url: &str| {
        let config = loaded("", &[("GATEKEEPER_URL", url)], Flags::default()).unwrap();
        (config.database(), config.is_remote())
    };
    assert_eq!(database("sqlite:a.db"), (Some("a.db".into()), false));
    assert_eq!(database("sqlite:///a.db"), (Some("/a.db".into()), false));
    assert_eq!(database("./a:b.db"), (Some("./a:b.db".into()), false));
    assert_eq!(database("memory:"), (None, false));
    assert_eq!(database("HTTP://host"), (None, true));
}

#[test]
fn an_invalid_url_is_rejected_with_its_source_and_the_closest_valid_url() {
    let variables = [("GATEKEEPER_URL", "127.0.0.1:8787")];
    let rejected = loaded("", &variables, Flags::default()).unwrap_err();
    assert!(rejected.message().starts_with("GATEKEEPER_URL is not a database URL"), "{rejected}");
    assert!(rejected.message().contains("did you mean http://127.0.0.1:8787?"), "{rejected}");
}

#[test]
fn a_file_that_is_named_must_exist() {
    let flags = Flags { file: Some("/nowhere/gatekeeper.toml".into()), ..Flags::default() };
    let rejected = Config::load(&flags, Environment::default()).unwrap_err();
    assert!(rejected.message().starts_with("/nowhere/gatekeeper.toml: cannot be read"), "{rejected}");
}

#[test]
fn a_secret_can_be_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "a canary of 16 bytes\n").unwrap();
    let path = path.to_str().unwrap();
    let secret = |variables: &[(&str, &str)]| environment(variables).secret("GATEKEEPER_SECRET");
    let read = secret(&[("GATEKEEPER_SECRET_FILE", path)]).unwrap().unwrap();
    assert_eq!(read.expose(), "a canary of 16 bytes");
    let both = secret(&[("GATEKEEPER_SECRET_FILE", path), ("GATEKEEPER_SECRET", "canary")]).unwrap_err();
    assert!(both.message().contains("are both set") && !both.message().contains("canary"), "{both}");
    for unreadable in ["/dev/null", "/none", folder.path().to_str().unwrap()] {
        let rejected = secret(&[("GATEKEEPER_SECRET_FILE", unreadable)]).unwrap_err();
        assert!(rejected.message().starts_with("GATEKEEPER_SECRET_FILE: "), "{rejected}");
    }
    assert_eq!(environment(&[("GATEKEEPER_TOKEN_FILE", path)]).unknown().count(), 0);
}

#[test]
fn former_names_of_settings_still_work_and_the_new_name_wins() {
    let file = "[server]\nunix = \"old.sock\"\ncheckListen = \"127.0.0.1:1\"";
    let config = loaded(file, &[], Flags::default()).unwrap();
    assert_eq!((config.text(&SOCKET), config.text(&GATEWAY_LISTEN)), (Some("old.sock"), Some("127.0.0.1:1")));
    assert_eq!(config.file().renamed().count(), 2);
    let both = loaded("[server]\nunix = \"old.sock\"\nsocket = \"new.sock\"", &[], Flags::default());
    assert_eq!(both.unwrap().text(&SOCKET), Some("new.sock"));

    let variables = [
        ("GATEKEEPER_BASE_URL", "memory:"),
        ("GATEKEEPER_UNIX", "old.sock"),
        ("GATEKEEPER_CHECK_LISTEN", "127.0.0.1:1"),
    ];
    let config = loaded("", &variables, Flags::default()).unwrap();
    assert_eq!((config.url(), config.text(&SOCKET)), ("memory:", Some("old.sock")));
    assert_eq!(config.text(&GATEWAY_LISTEN), Some("127.0.0.1:1"));
    assert_eq!(config.effective(&URL).unwrap().origin, Origin::Variable("GATEKEEPER_BASE_URL"));
    assert_eq!(environment(&variables).unknown().count(), 0);
    let both = [("GATEKEEPER_BASE_URL", "memory:"), ("GATEKEEPER_URL", "sqlite:new.db")];
    assert_eq!(loaded("", &both, Flags::default()).unwrap().url(), "sqlite:new.db");
}
