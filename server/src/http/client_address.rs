//! The client address of a request: the peer's address, or the one that a trusted proxy forwards.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use axum::http::HeaderMap;
use gatekeeper::GatekeeperError;
use gatekeeper::internal::{client_address, counted_address};
use ipnet::IpNet;

/// Proxies whose `X-Forwarded-For` is trusted: addresses, networks, or all peers on the Unix socket. Defaults to none.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    unix: bool,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    Address(IpAddr),
    Unix,
}

/// The client address of peers on the Unix socket.
const UNIX: &str = "unix";

impl FromStr for Proxies {
    type Err = GatekeeperError;

    /// Parses addresses, networks (`10.0.0.0/8`) and `unix`, separated by commas.
    fn from_str(text: &str) -> Result<Self, GatekeeperError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let (unix, networks): (Vec<_>, Vec<_>) = parts.partition(|part| *part == UNIX);
        let networks = networks.into_iter().map(network).collect::<Option<_>>().ok_or_else(|| {
            GatekeeperError::bad_request(
                "trusted proxies must be addresses or networks, such as 10.0.0.0/8, or unix, separated by commas",
            )
        })?;
        Ok(Self { networks, unix: !unix.is_empty() })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Unix => f.write_str(UNIX),
        }
    }
}

impl Peer {
    /// The client address in the form that throttles count by.
    pub(crate) fn throttle_key(self) -> String {
        match self {
            Self::Address(address) => counted_address(address),
            Self::Unix => UNIX.to_owned(),
        }
    }

    /// Whether the peer is a program on this machine that connected over TCP.
    pub(crate) fn is_loopback(self) -> bool {
        matches!(self, Self::Address(address) if address.to_canonical().is_loopback())
    }
}

impl Proxies {
    /// Whether no proxy is trusted.
    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    fn include(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client of a request: from the right, the first address that is not a trusted proxy.
    pub(crate) fn client(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        let mut address = match peer {
            Peer::Address(address) => Some(address.to_canonical()),
            Peer::Unix => None,
        };
        let lines = headers.get_all("x-forwarded-for").iter();
        let hops: Vec<&[u8]> = lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            // Empty list elements are ignored (RFC 9110 §5.6.1).
            .filter(|hop| !hop.is_empty())
            .collect();
        for hop in hops.iter().rev() {
            if !address.map_or(self.unix, |address| self.include(address)) {
                break;
            }
            // Not an address: the proxy that sent it counts as the client.
            let Some(next) = std::str::from_utf8(hop).ok().and_then(client_address) else {
                warn_unreadable(address);
                break;
            };
            address = Some(next.to_canonical());
        }
        address.map_or(Peer::Unix, Peer::Address)
    }
}

/// Logs once that a trusted proxy sends something other than an address. The value may come from a client and is not
/// logged.
fn warn_unreadable(proxy: Option<IpAddr>) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if WARNED.load(Relaxed) || WARNED.swap(true, Relaxed) {
        return;
    }
    let proxy = proxy.map_or_else(|| UNIX.to_owned(), |address| address.to_string());
    tracing::warn!(
        proxy,
        "X-Forwarded-For of this trusted proxy is not an address, so its clients share the proxy's address: configure \
         it to send addresses such as 203.0.113.7 or \"[2001:db8::1]:443\""
    );
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let peer = peer.parse().map_or(Peer::Unix, Peer::Address);
        proxies.parse::<Proxies>().unwrap().client(peer, &headers).throttle_key()
    }

    #[test]
    fn x_forwarded_for_is_trusted_only_from_trusted_proxies_and_from_the_right() {
        assert_eq!(resolved("", "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(resolved("10.0.0.0/8", "10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.0/8", "10.1.2.3", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.0/8", "10.1.2.3", &["1.1.1.1", "203.0.113.9, 10.9.9.9"]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.0/8", "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(resolved("10.0.0.0/8", "10.1.2.3", &["nonsense"]), "10.1.2.3");
        assert_eq!(resolved("10.0.0.0/8", "10.1.2.3", &["203.0.113.9, ", ","]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.0/8", "10.1.2.3", &["é, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.0/8", "10.1.2.3", &["203.0.113.9", "é"]), "10.1.2.3");
        assert_eq!(resolved("", "unix", &["203.0.113.9"]), "unix");
        assert_eq!(resolved("unix", "unix", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(resolved("10.0.0.0/8", "unix", &["203.0.113.9"]), "unix");
        assert_eq!(resolved("0.0.0.0/0", "10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn addresses_are_parsed_as_clouds_and_proxies_write_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/client-addresses.json");
        let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for case in cases["cases"].as_array().unwrap() {
            let expected = match case["address"].as_str() {
                Some(address) => counted_address(address.parse().unwrap()),
                // The proxy that sent it counts as the client.
                None => "10.0.0.1".to_owned(),
            };
            assert_eq!(
                resolved("10.0.0.0/8", "10.0.0.1", &[case["value"].as_str().unwrap()]),
                expected,
                "{case}"
            );
        }
    }

    #[test]
    fn the_addresses_of_one_host_count_as_one() {
        assert_eq!(resolved("", "2001:db8::1", &[]), resolved("", "2001:db8::ffff:1", &[]));
        assert_ne!(resolved("", "2001:db8::1", &[]), resolved("", "2001:db8:0:1::1", &[]));
        assert_eq!(resolved("", "::ffff:192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn an_invalid_network_is_rejected() {
        for wrong in ["nonsense", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Proxies>().is_err(), "{wrong}");
        }
    }
}
