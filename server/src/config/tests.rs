use std::ffi::OsString;
use std::fs;

use gatekeeper::{Gatekeeper, Tenants};

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
fn a_flag_comes_before_a_variable_before_the_file_before_the_default() {
    let port = |text, variables: &[_], flags| {
        let config = loaded(text, variables, flags).unwrap();
        let origin = config.found(&PORT).unwrap().origin.clone();
        (config.whole(&PORT), origin)
    };
    let (file, variable) = ("[server]\nport = 2", [("GATEKEEPER_PORT", "3")]);
    let flag = || Flags::default().with(&PORT, Some(4_u16));
    assert_eq!(port(file, &variable, flag()), (Some(4), Origin::Flag("--port")));
    assert_eq!(port(file, &variable, Flags::default()), (Some(3), Origin::Variable("GATEKEEPER_PORT")));
    let (value, origin) = port(file, &[("GATEKEEPER_PORT", "")], Flags::default());
    assert!(value == Some(2) && matches!(origin, Origin::File(_)), "an empty variable is none");
    assert_eq!(port("", &[], Flags::default()), (Some(8787), Origin::Default));
}

#[test]
fn every_default_can_be_read_and_every_setting_be_written_in_the_file() {
    assert_eq!(TENANT.default, Some(Gatekeeper::DEFAULT_TENANT.to_string().as_str()));
    for setting in ALL {
        if let Some(default) = setting.default {
            setting.parse(default).unwrap();
        }
        let value = match setting.kind {
            Kind::Text => "\"x\"".to_owned(),
            Kind::Texts => "[\"x\", \"y\"]".to_owned(),
            Kind::Tenants => "[\"default\", \"tnt_01jdx0x3v0f7zsn8f4k3m9qz5r\"]".to_owned(),
            Kind::Whole(least, _) => least.to_string(),
            Kind::OneOf(known) => format!("{:?}", known[0]),
        };
        let text = match setting.path() {
            (Some(table), name) => format!("[{table}]\n{name} = {value}"),
            (None, name) => format!("{name} = {value}"),
        };
        let config = loaded(&text, &[], Flags::default()).unwrap();
        assert!(matches!(config.found(setting).unwrap().origin, Origin::File(_)), "{text}");
    }
}

#[test]
fn a_setting_that_is_not_known_or_cannot_be_is_rejected_by_name() {
    assert!(rejection("prot = 1").starts_with("prot is not known here: there is url, tenant, "));
    assert!(
        rejection("[server]\nprot = 1")
            .starts_with("server.prot is not known here: [server] has host, port, ")
    );
    assert!(rejection("[servers]\nport = 1").starts_with("servers is not known here"));
    assert_eq!(rejection("[server]\nport = 65536"), "server.port must be a whole number from 0 to 65535");
    assert_eq!(rejection("[server]\nport = \"1\""), "server.port must be a whole number from 0 to 65535");
    assert_eq!(rejection("url = \"\""), "url must be text that is not empty");
    assert_eq!(rejection("signingAlgorithm = \"HS256\""), "signingAlgorithm must be one of EdDSA, RS256");
    assert_eq!(
        rejection("[server]\ncorsOrigins = [1]"),
        "server.corsOrigins must be a list of texts that are not empty"
    );
    assert!(rejection("server = 1").starts_with("server is not known here"));
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
fn a_variable_that_cannot_be_is_rejected_by_name_and_not_repeated() {
    let rejected = loaded("", &[("GATEKEEPER_PORT", "canary")], Flags::default()).unwrap_err();
    assert_eq!(rejected.message(), "GATEKEEPER_PORT must be a whole number from 0 to 65535");
    let of_kubernetes = loaded("", &[("GATEKEEPER_PORT", "tcp://10.0.0.1:8787")], Flags::default());
    assert!(of_kubernetes.unwrap_err().message().contains("enableServiceLinks: false"));
    let environment = environment(&[("GATEKEEPER_PROT", "1"), ("GATEKEEPER_PORT", "1"), ("PROT", "1")]);
    assert_eq!(environment.unknown().collect::<Vec<_>>(), ["GATEKEEPER_PROT"]);
    assert!(!format!("{environment:?}").contains('1'));
}

#[test]
fn lists_come_from_all_sources() {
    let flags = Flags::default().with_each(&CORS_ORIGINS, &["https://a".to_owned()]);
    assert_eq!(loaded("", &[], flags).unwrap().texts(&CORS_ORIGINS), ["https://a"]);
    let variables = [("GATEKEEPER_TRUSTED_PROXIES", "10.0.0.0/8, ::1,")];
    assert_eq!(
        loaded("", &variables, Flags::default()).unwrap().texts(&TRUSTED_PROXIES),
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
        rejection("[gateway]\nprot = 1").starts_with("gateway.prot is not known here: [gateway] has tenants")
    );
    assert!(
        rejection("[tokens]\nprot = 1").starts_with("tokens.prot is not known here: [tokens] has audiences")
    );
}

#[test]
fn the_database_is_the_file_of_a_place_of_ones_own() {
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
fn a_url_that_is_none_is_rejected_with_where_it_comes_from_and_the_nearest_one() {
    let variables = [("GATEKEEPER_URL", "127.0.0.1:8787")];
    let rejected = loaded("", &variables, Flags::default()).unwrap_err();
    assert!(rejected.message().starts_with("GATEKEEPER_URL is no URL"), "{rejected}");
    assert!(rejected.message().contains("did you mean http://127.0.0.1:8787?"), "{rejected}");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let flags = Flags { file: Some("/nowhere/gatekeeper.toml".into()), ..Flags::default() };
    let rejected = Config::load(&flags, Environment::default()).unwrap_err();
    assert!(rejected.message().starts_with("/nowhere/gatekeeper.toml: cannot be read"), "{rejected}");
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
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
