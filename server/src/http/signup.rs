//! Who may sign up.
//!
//! Without a setting, only programs on this machine may. A request that passed through a proxy is not from this
//! machine, even if the proxy connects from loopback. So sign-up is closed if the configuration suggests that there is
//! a proxy.

use axum::http::HeaderMap;

use super::client_address::Peer;
use super::config::{Config, Listen, Signup};

/// Who may sign up on a server, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignupRule {
    /// Set in the configuration.
    Set(Signup),
    /// Not set: open to requests from this machine that passed through no proxy.
    Local,
    /// Not set, and closed because of another setting, such as trusted proxies.
    ClosedBy(&'static str),
}

/// Headers that proxies add, other than those that begin with `x-forwarded-`.
const ADDED_BY_PROXIES: [&str; 3] = ["forwarded", "via", "x-real-ip"];

impl SignupRule {
    /// The rule of a server with this configuration.
    #[must_use]
    pub fn of(config: &Config, listen: &Listen, has_gateway_address: bool) -> Self {
        let signs = [
            (!config.proxies.is_empty(), "the server has trusted proxies"),
            (has_gateway_address, "the server has an address for gateways"),
            (config.tls.is_some(), "the server has TLS"),
            (matches!(listen, Listen::Unix(_)), "the server listens on a Unix socket"),
        ];
        match (config.signup, signs.into_iter().find(|(is_so, _)| *is_so)) {
            (Some(set), _) => Self::Set(set),
            (None, Some((_, sign))) => Self::ClosedBy(sign),
            (None, None) => Self::Local,
        }
    }

    /// Whether this request may create an account or a tenant.
    pub(crate) fn allows(self, peer: Option<Peer>, headers: &HeaderMap) -> bool {
        match self {
            Self::Set(set) => set == Signup::Open,
            Self::ClosedBy(_) => false,
            Self::Local => peer.is_some_and(Peer::is_loopback) && !has_proxy_headers(headers),
        }
    }

    /// `open`, `local` or `closed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Set(Signup::Open) => "open",
            Self::Set(Signup::Closed) | Self::ClosedBy(_) => "closed",
            Self::Local => "local",
        }
    }

    /// The reason for the rule.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Self::Set(Signup::Open) => "signup = \"open\"".to_owned(),
            Self::Set(Signup::Closed) => "signup = \"closed\"".to_owned(),
            Self::ClosedBy(sign) => format!("signup is not set, and {sign}"),
            Self::Local => "signup is not set".to_owned(),
        }
    }
}

impl std::fmt::Display for SignupRule {
    /// Formats the rule and its reason as a sentence.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let to = match self {
            Self::Local => " to programs on this machine",
            Self::Set(_) | Self::ClosedBy(_) => "",
        };
        let state = if self.name() == "closed" { "closed" } else { "open" };
        write!(f, "sign-up is {state}{to}: {}", self.reason())
    }
}

fn has_proxy_headers(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| name.as_str().starts_with("x-forwarded-") || ADDED_BY_PROXIES.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use axum::http::{HeaderName, HeaderValue};

    use super::*;
    use crate::http::Tls;

    fn tcp() -> Listen {
        Listen::Tcp("127.0.0.1".to_owned(), 0)
    }

    fn peer(address: &str) -> Peer {
        Peer::Address(address.parse().unwrap())
    }

    #[test]
    fn without_a_setting_sign_up_is_open_to_this_machine_and_closed_behind_a_proxy() {
        assert_eq!(SignupRule::of(&Config::default(), &tcp(), false), SignupRule::Local);
        let closed = |rule: SignupRule| {
            rule.name() == "closed" && !rule.allows(Some(peer("127.0.0.1")), &HeaderMap::new())
        };
        let proxies = Config { proxies: "127.0.0.1".parse().unwrap(), ..Config::default() };
        assert!(closed(SignupRule::of(&proxies, &tcp(), false)));
        let unix_proxies = Config { proxies: "unix".parse().unwrap(), ..Config::default() };
        assert!(closed(SignupRule::of(&unix_proxies, &tcp(), false)));
        assert!(closed(SignupRule::of(&Config::default(), &tcp(), true)));
        let (certificate, key) = (PathBuf::new(), PathBuf::new());
        let tls = Config { tls: Some(Tls { certificate, key }), ..Config::default() };
        assert!(closed(SignupRule::of(&tls, &tcp(), false)));
        assert!(closed(SignupRule::of(&Config::default(), &Listen::Unix("socket".into()), false)));
    }

    #[test]
    fn a_setting_overrides_everything_else() {
        for (set, is_open) in [(Signup::Open, true), (Signup::Closed, false)] {
            let config = Config { signup: Some(set), proxies: "unix".parse().unwrap(), ..Config::default() };
            let rule = SignupRule::of(&config, &tcp(), true);
            let mut headers = HeaderMap::new();
            headers.insert("via", HeaderValue::from_static("1.1 proxy"));
            assert_eq!(rule.allows(Some(peer("203.0.113.9")), &headers), is_open);
            assert_eq!(rule.allows(Some(Peer::Unix), &headers), is_open);
        }
    }

    #[test]
    fn only_loopback_without_proxy_headers_is_this_machine() {
        let none = HeaderMap::new();
        for local in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(SignupRule::Local.allows(Some(peer(local)), &none), "{local}");
        }
        for other in ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1", "0.0.0.0"] {
            assert!(!SignupRule::Local.allows(Some(peer(other)), &none), "{other}");
        }
        assert!(!SignupRule::Local.allows(Some(Peer::Unix), &none) && !SignupRule::Local.allows(None, &none));
        for trace in [
            "forwarded",
            "via",
            "x-real-ip",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-x",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(trace), HeaderValue::from_static(""));
            assert!(!SignupRule::Local.allows(Some(peer("127.0.0.1")), &headers), "{trace}");
        }
    }

    #[test]
    fn the_rule_and_its_reason_are_formatted_as_a_sentence() {
        assert_eq!(
            SignupRule::Local.to_string(),
            "sign-up is open to programs on this machine: signup is not set"
        );
        let behind = SignupRule::of(&Config::default(), &tcp(), true).to_string();
        assert_eq!(
            behind,
            "sign-up is closed: signup is not set, and the server has an address for gateways"
        );
        assert_eq!(SignupRule::Set(Signup::Open).to_string(), "sign-up is open: signup = \"open\"");
    }
}
