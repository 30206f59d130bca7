//! Client addresses, by which calls are throttled when no credential identifies the caller.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

/// The name under which a client address is counted. An IPv6 host usually owns a network of 64 bits, so the whole
/// network counts as one address. An IPv4 address in IPv6 notation counts as the IPv4 address.
///
/// ```
/// use gatekeeper::internal::counted_address;
/// assert_eq!(counted_address("2001:db8::1".parse()?), "2001:db8::/64");
/// assert_eq!(counted_address("::ffff:192.0.2.1".parse()?), "192.0.2.1");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn counted_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// The name under which a client address in text form is counted. A text that is not an address is counted
/// unchanged.
pub(crate) fn counted(text: &str) -> Cow<'_, str> {
    client_address(text).map_or(Cow::Borrowed(text), |address| Cow::Owned(counted_address(address)))
}

/// The address of a client as clouds and proxies write it: with or without a port, in brackets, in quotes, with a
/// zone. Returns none for any other text.
///
/// ```
/// use gatekeeper::internal::client_address;
/// assert_eq!(client_address("[2001:db8::1]:443"), "2001:db8::1".parse().ok());
/// assert_eq!(client_address("unknown"), None);
/// ```
#[must_use]
pub fn client_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    // A proxy may hide the port behind a name (RFC 7239 §6.3).
    let is_hidden = |port: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        port.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(is_letter))
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() || is_hidden(port);
    let host = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']')? {
            (host, "") => host,
            (host, port) => port.strip_prefix(':').is_some_and(is_port).then_some(host)?,
        },
        None => match text.split_once(':') {
            // Several colons belong to an IPv6 address.
            Some((host, port)) if !port.contains(':') => is_port(port).then_some(host)?,
            _ => text,
        },
    };
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_host_are_counted_as_one() {
        for (text, name) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:5000", "192.0.2.1"),
            ("192.0.2.1:_proxy-7", "192.0.2.1"),
            ("[2001:db8::1]:_x", "2001:db8::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8::ffff:1", "2001:db8::/64"),
            ("[2001:db8::1]:443", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("2001:db8::/64", "2001:db8::/64"),
            ("home", "home"),
            ("", ""),
        ] {
            assert_eq!(counted(text), name);
        }
    }

    #[test]
    fn a_text_that_is_not_an_address_is_none() {
        for wrong in [
            "203.0.113.9:port",
            "203.0.113.9:",
            "203.0.113.9:_",
            "203.0.113.9:_a b",
            "203.0.113.9:70000",
            "[2001:db8::1]x",
            "[2001:db8::1",
            "2001:db8::1]:1",
            "\"203.0.113.9",
            "for=203.0.113.9",
            "_hidden",
            "203.0.113.9 203.0.113.8",
            "203.0.113.9/8",
            "%eth0",
        ] {
            assert_eq!(client_address(wrong), None, "{wrong}");
        }
    }
}
