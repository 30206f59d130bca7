//! Client addresses: what a call is counted by where no credential says who is calling.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The name that a client address is counted under. A host with IPv6 has a network of 64 bits to itself, so that all of it
/// counts as one address; an IPv4 address that is written as IPv6 is the IPv4 address.
///
/// ```
/// use gatekeeper::counted_address;
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

/// The same for an address as text, with a port or without. Any other text is counted as it is.
pub(crate) fn counted(text: &str) -> Cow<'_, str> {
    let address = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.map_or(Cow::Borrowed(text), |address| Cow::Owned(counted_address(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_host_are_counted_as_one() {
        for (text, name) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:5000", "192.0.2.1"),
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
}
