use super::*;

fn path_of(url: &str) -> Option<PathBuf> {
    match DatabaseUrl::parse(url) {
        Ok(DatabaseUrl::File(path)) => Some(path),
        _ => None,
    }
}

#[test]
fn a_url_names_memory_a_file_or_a_server() {
    assert_eq!(DatabaseUrl::parse("memory:").ok(), Some(DatabaseUrl::Memory));
    for (url, path) in [
        ("gatekeeper.db", "gatekeeper.db"),
        ("sqlite:gatekeeper.db", "gatekeeper.db"),
        ("sqlite:/var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
        ("./odd:name.db", "./odd:name.db"),
        ("my data/x.db", "my data/x.db"),
        ("../x", "../x"),
        ("C:\\x.db", "C:\\x.db"),
        ("./localhost", "./localhost"),
        ("./memory", "./memory"),
        ("1.2.3.db", "1.2.3.db"),
    ] {
        assert_eq!(path_of(url), Some(PathBuf::from(path)), "{url}");
    }
    #[cfg(feature = "remote")]
    for url in ["http://localhost:8787", "HTTPS://example.com/gate"] {
        assert_eq!(DatabaseUrl::parse(url).ok(), Some(DatabaseUrl::Server), "{url}");
    }
}

#[test]
fn another_scheme_is_rejected_by_name_and_without_its_password() {
    for url in ["postgres://u:canary@h/d", "ftp://canary:8787", "mysql:canary", "redis+tls://canary"] {
        let message = DatabaseUrl::parse(url).err().map(|error| error.message().to_owned()).unwrap();
        assert!(message.contains(url.split(':').next().unwrap()), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    for url in ["u:canary@localhost:8787", "sqlite:x.db?key=canary", "\"http://u:canary@h\"", "canary@h:1"] {
        if let Err(error) = DatabaseUrl::parse(url) {
            assert!(!error.message().contains("canary"), "{error}");
        }
    }
}
