//! Which place a URL names.

use std::path::PathBuf;

use crate::error::{GatekeeperError, Result};

pub(super) enum Place {
    Own(Own),
    /// A server, by its `http://` or `https://` URL, which was not looked at any further.
    #[cfg(feature = "remote")]
    Server,
}

/// A place of your own.
pub(super) enum Own {
    Memory,
    File(PathBuf),
}

/// `memory:`, `sqlite:PATH` or a plain path, `http://` or `https://`. A message never repeats a URL: it may carry a
/// password.
pub(super) fn parse(url: &str) -> Result<Place> {
    match scheme_of(url) {
        #[cfg(feature = "remote")]
        Some((scheme, _)) if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            Ok(Place::Server)
        }
        Some(("memory", "")) => Ok(Place::Own(Own::Memory)),
        Some(("memory", _)) => {
            Err(GatekeeperError::bad_request("url: memory: takes nothing after the colon"))
        }
        Some(("sqlite", path)) => file(path.strip_prefix("//").unwrap_or(path)),
        Some((scheme, _)) => Err(GatekeeperError::bad_request(format!(
            "url: {scheme}: is not a place this version opens: use sqlite:PATH, a plain path, memory:, or http(s)://HOST"
        ))),
        None => file(url),
    }
}

fn file(path: &str) -> Result<Place> {
    match path {
        "" => Err(GatekeeperError::bad_request(
            "url: the path is empty: use sqlite:PATH, a plain path, or memory:",
        )),
        ":memory:" => Err(GatekeeperError::bad_request("url: for a place in memory use memory:")),
        path if path.contains('\0') => {
            Err(GatekeeperError::bad_request("url: a path must not contain U+0000"))
        }
        path => Ok(Place::Own(Own::File(PathBuf::from(path)))),
    }
}

/// The scheme and what follows the colon (RFC 3986 §3.1); one letter is a drive, not a scheme.
fn scheme_of(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(url: &str) -> Option<PathBuf> {
        match parse(url) {
            Ok(Place::Own(Own::File(path))) => Some(path),
            _ => None,
        }
    }

    #[test]
    fn a_url_names_memory_or_a_file() {
        assert!(matches!(parse("memory:"), Ok(Place::Own(Own::Memory))));
        for (url, path) in [
            ("gatekeeper.db", "gatekeeper.db"),
            ("sqlite:gatekeeper.db", "gatekeeper.db"),
            ("sqlite:/var/lib/x.db", "/var/lib/x.db"),
            ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
            ("./odd:name.db", "./odd:name.db"),
            ("C:\\x.db", "C:\\x.db"),
        ] {
            assert_eq!(path_of(url), Some(PathBuf::from(path)), "{url}");
        }
    }

    #[test]
    fn another_scheme_is_refused_by_name_and_without_its_password() {
        for url in ["postgres://u:canary@h/d", "ftp://canary:8787", "mysql:canary", "redis+tls://canary"] {
            let message = parse(url).err().map(|error| error.message().to_owned()).unwrap();
            assert!(message.contains(url.split(':').next().unwrap()), "{message}");
            assert!(!message.contains("canary"), "{message}");
        }
        for url in ["", "sqlite:", "sqlite://", "memory:x", "sqlite::memory:", ":memory:", "a\0b"] {
            assert!(parse(url).is_err(), "{url:?}");
        }
    }
}
