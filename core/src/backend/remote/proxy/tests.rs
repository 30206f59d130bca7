use super::*;

/// The proxy for `url`, as text, with these environment variables.
fn found(url: &str, variables: &[(&str, &str)]) -> Result<Option<String>> {
    let environment = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    };
    Ok(Proxy::of(&Url::parse(url).unwrap(), environment)?.map(|Proxy(url)| url.to_string()))
}

fn proxied(url: &str, variables: &[(&str, &str)]) -> bool {
    found(url, variables).unwrap().is_some()
}

#[test]
fn the_variable_of_the_scheme_comes_before_that_of_all() {
    let all =
        [("ALL_PROXY", "http://all:1"), ("HTTP_PROXY", "plain:2"), ("https_proxy", "https://u:p@tls:3/")];
    assert_eq!(found("http://host:8787", &all).unwrap().unwrap(), "http://plain:2/");
    assert_eq!(found("https://host", &all).unwrap().unwrap(), "https://u:p@tls:3/");
    assert_eq!(found("https://host", &all[..2]).unwrap().unwrap(), "http://all:1/");
    assert_eq!(found("https://host", &[("HTTPS_PROXY", " "), all[0]]).unwrap().unwrap(), "http://all:1/");
    assert_eq!(found("https://host", &[("HTTPS_PROXY", ""), ("https_proxy", "x:1")]).unwrap(), None);
    assert_eq!(found("https://host", &[("HTTP_PROXY", "x:1")]).unwrap(), None);
}

#[test]
fn a_header_of_a_request_to_a_cgi_program_names_no_proxy() {
    let cgi = ("REQUEST_METHOD", "GET");
    assert!(!proxied("http://host", &[("HTTP_PROXY", "http://evil:1"), cgi]));
    assert!(proxied("http://host", &[("http_proxy", "http://proxy:1"), cgi]));
    assert!(proxied("https://host", &[("HTTPS_PROXY", "http://proxy:1"), cgi]));
}

#[test]
fn this_machine_is_never_reached_through_a_proxy() {
    let unreadable = [("ALL_PROXY", "http://proxy:1"), ("HTTP_PROXY", "::"), ("NO_PROXY", "/")];
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "api.localhost",
        "127.0.0.1",
        "127.1",
        "127.9.9.9",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
    ] {
        assert!(!proxied(&format!("http://{host}:8787"), &unreadable), "{host}");
    }
    for host in ["localhost.example.com", "notlocalhost", "128.0.0.1", "[::2]"] {
        assert!(proxied(&format!("http://{host}:8787"), &unreadable[..1]), "{host}");
    }
}

#[test]
fn a_variable_that_cannot_be_read_is_an_error_that_names_it_and_does_not_repeat_it() {
    for value in [
        "http://",
        "http://canary:99999",
        "socks5://canary:1",
        "socks5h://canary",
        "ftp://canary",
        "http:/canary:1",
        "http://canary:1/path",
        "http://canary:1?q",
        "can ary:1",
        "http://can\nary:1",
        "http://[canary]:1",
        "://canary",
        "canary:port",
    ] {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let error = found("https://host", &[(name, value)]).unwrap_err();
            let message = error.message();
            assert_eq!(error.status(), 400);
            assert!(
                message.starts_with(&format!("{name}: ")) && !message.contains("canary"),
                "{value}: {message}"
            );
        }
    }
    let proxy = ("ALL_PROXY", "http://proxy:1");
    for list in [
        "canary.com/8",
        "10.0.0.0/33",
        "::1/129",
        "canary:port",
        "a,,can@ary",
        "http://canary",
        "a*canary",
        "[::1",
    ] {
        let error = found("https://host", &[proxy, ("no_proxy", list)]).unwrap_err();
        let message = error.message();
        assert!(message.starts_with("no_proxy: ") && !message.contains("canary"), "{list}: {message}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_an_error() {
    use std::os::unix::ffi::OsStringExt;

    let url = Url::parse("https://host").unwrap();
    let environment =
        |name: &str| (name == "HTTPS_PROXY").then(|| OsString::from_vec(b"http://\xff".to_vec()));
    let error = Proxy::of(&url, environment).err().unwrap();
    assert!(error.message().starts_with("HTTPS_PROXY: "), "{error}");
}

#[test]
fn hosts_that_are_listed_are_reached_directly() {
    let with = |list, url| proxied(url, &[("ALL_PROXY", "http://proxy:1"), ("NO_PROXY", list)]);
    for (list, url) in [
        ("*", "http://any.example"),
        ("example.com", "http://example.com"),
        ("example.com", "http://EXAMPLE.com.:8787"),
        ("example.com", "http://a.b.example.com"),
        (".example.com", "http://example.com"),
        ("*.example.com", "http://a.example.com"),
        ("other, example.com ,", "http://example.com"),
        ("other example.com", "http://example.com"),
        ("bücher.example", "http://xn--bcher-kva.example"),
        ("example.com:8787", "http://example.com:8787"),
        ("example.com:443", "https://example.com"),
        ("10.1.2.3", "http://10.1.2.3"),
        ("10.0.0.0/8", "http://10.1.2.3"),
        ("0.0.0.0/0", "http://10.1.2.3"),
        ("2001:db8::/32", "http://[2001:db8::7]:8787"),
        ("[2001:db8::7]:8787", "http://[2001:db8::7]:8787"),
    ] {
        assert!(!with(list, url), "{list}: {url}");
    }
    for (list, url) in [
        ("", "http://example.com"),
        ("example.com", "http://notexample.com"),
        ("example.com", "http://example.com.evil"),
        ("example.com:8788", "http://example.com:8787"),
        ("10.0.0.0/8", "http://11.0.0.1"),
        ("10.0.0.0/8", "http://[2001:db8::7]"),
        ("10.0.0.0/8", "http://host"),
    ] {
        assert!(with(list, url), "{list}: {url}");
    }
}
