//! Who may sign up.
//!
//! What is not set is open to programs on this machine alone. A request that came over a proxy is none of theirs: a proxy
//! on this machine connects from loopback too, so a server that looks as if it stood behind one is closed.

use axum::http::HeaderMap;

use super::client_address::Peer;
use super::config::{Config, Listen};

/// Whether accounts can be made, and tenants by users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signup {
    /// By anyone.
    Open,
    /// By the operator alone.
    Closed,
}

/// The rule of a server, and why it is that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignupRule {
    /// It was set.
    Set(Signup),
    /// It was not set: open to requests of this machine that came over no proxy.
    Local,
    /// It was not set, and is closed because of what the server was set up with, such as `trusted proxies`.
    Behind(&'static str),
}

/// What proxies add to a request, beside every header that begins with `x-forwarded-`.
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
            (None, Some((_, sign))) => Self::Behind(sign),
            (None, None) => Self::Local,
        }
    }

    /// Whether this request may make an account, or a tenant.
    pub(crate) fn admits(self, peer: Option<Peer>, headers: &HeaderMap) -> bool {
        match self {
            Self::Set(set) => set == Signup::Open,
            Self::Behind(_) => false,
            Self::Local => peer.is_some_and(Peer::is_loopback) && !came_over_a_proxy(headers),
        }
    }

    /// `open`, `local` or `closed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Set(Signup::Open) => "open",
            Self::Set(Signup::Closed) | Self::Behind(_) => "closed",
            Self::Local => "local",
        }
    }

    /// Why it is that.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Self::Set(Signup::Open) => "signup = \"open\"".to_owned(),
            Self::Set(Signup::Closed) => "signup = \"closed\"".to_owned(),
            Self::Behind(sign) => format!("signup is not set, and {sign}"),
            Self::Local => "signup is not set".to_owned(),
        }
    }
}

impl std::fmt::Display for SignupRule {
    /// As a sentence.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let to = match self {
            Self::Local => " to programs on this machine",
            Self::Set(_) | Self::Behind(_) => "",
        };
        let state = if self.name() == "closed" { "closed" } else { "open" };
        write!(f, "sign-up is {state}{to}: {}", self.reason())
    }
}

fn came_over_a_proxy(headers: &HeaderMap) -> bool {
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
    fn what_is_not_set_is_open_to_this_machine_and_closed_where_the_server_seems_to_be_behind_something() {
        assert_eq!(SignupRule::of(&Config::default(), &tcp(), false), SignupRule::Local);
        let closed = |rule: SignupRule| {
            rule.name() == "closed" && !rule.admits(Some(peer("127.0.0.1")), &HeaderMap::new())
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
    fn what_is_set_holds_whatever_else_is() {
        for (set, is_open) in [(Signup::Open, true), (Signup::Closed, false)] {
            let config = Config { signup: Some(set), proxies: "unix".parse().unwrap(), ..Config::default() };
            let rule = SignupRule::of(&config, &tcp(), true);
            let mut headers = HeaderMap::new();
            headers.insert("via", HeaderValue::from_static("1.1 proxy"));
            assert_eq!(rule.admits(Some(peer("203.0.113.9")), &headers), is_open);
            assert_eq!(rule.admits(Some(Peer::Unix), &headers), is_open);
        }
    }

    #[test]
    fn only_loopback_without_a_trace_of_a_proxy_is_this_machine() {
        let none = HeaderMap::new();
        for local in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(SignupRule::Local.admits(Some(peer(local)), &none), "{local}");
        }
        for other in ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1", "0.0.0.0"] {
            assert!(!SignupRule::Local.admits(Some(peer(other)), &none), "{other}");
        }
        assert!(!SignupRule::Local.admits(Some(Peer::Unix), &none) && !SignupRule::Local.admits(None, &none));
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
            assert!(!SignupRule::Local.admits(Some(peer("127.0.0.1")), &headers), "{trace}");
        }
    }

    #[test]
    fn the_rule_and_its_reason_are_said_in_a_sentence() {
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
