//! The address of a server.

use reqwest::Url;

use crate::error::{GatekeeperError, Result};

/// The base of a server's paths.
#[derive(Clone, Debug)]
pub(super) struct Address {
    base: Url,
    /// Scheme, host and port, for messages.
    name: String,
}

impl Address {
    /// An `http://` or `https://` URL. A message never repeats it: it may carry a password.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let rejected = |why: &str| GatekeeperError::bad_request(format!("url: {why}"));
        // The parser, which follows the rules of browsers, would silently correct these mistakes.
        let (_, rest) = url.split_once(':').unwrap_or_default();
        if !rest.starts_with("//") || rest.starts_with("///") || url.contains(['\\', '\t', '\n', '\r']) {
            return Err(rejected("write http://HOST or https://HOST, with :PORT if it has one"));
        }
        let base = Url::parse(url)
            .map_err(|_| rejected("the host or the port cannot be read: write http(s)://HOST:PORT"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(rejected(
                "it must not contain a user or a password: pass the credential as the token or the root key",
            ));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(rejected(
                "a server's URL must not have a query or a fragment: remove the ? or # and what follows",
            ));
        }
        let name = base.origin().ascii_serialization();
        Ok(Self { base, name })
    }

    /// Scheme, host and port.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The base of the server's paths.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Whether the connection uses TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The URL of a path of the server, which begins with a slash.
    pub(super) fn join(&self, path: &str, query: &[(String, String)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(url: &str) -> String {
        Address::parse(url).unwrap().join("/v1/keys", &[]).to_string()
    }

    #[test]
    fn paths_are_appended_to_the_base_url() {
        assert_eq!(joined("http://localhost:8787"), "http://localhost:8787/v1/keys");
        assert_eq!(joined("HTTP://LocalHost:80/"), "http://localhost/v1/keys");
        assert_eq!(joined("https://example.com/gate/keeper/"), "https://example.com/gate/keeper/v1/keys");
        assert_eq!(joined("http://[::1]:8787"), "http://[::1]:8787/v1/keys");
        let query = [("tenantId", "a b&c"), ("role", "x"), ("role", "y")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let url = Address::parse("http://h/base").unwrap().join("/v1/keys", &query);
        assert_eq!(url.as_str(), "http://h/base/v1/keys?tenantId=a+b%26c&role=x&role=y");
    }

    #[test]
    fn an_invalid_server_url_is_rejected_without_being_repeated() {
        for url in [
            "http:canary",
            "http:",
            "http://",
            "http:///canary",
            "http:/canary",
            "http://canary:99999",
            "http://ada:canary@host",
            "http://canary@host",
            "http://host?token=canary",
            "http://host/#canary",
            "http://host\\canary",
            "http://ho\nst",
            "http://h ost",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(error.message().starts_with("url: ") && !error.message().contains("canary"), "{error}");
        }
    }
}
