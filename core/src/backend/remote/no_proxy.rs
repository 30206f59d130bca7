//! The hosts that are reached without a proxy: `NO_PROXY`.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

/// An entry of the list.
enum Hosts {
    All,
    /// A domain and its subdomains.
    Domain(String),
    Network(IpNet),
}

/// Whether the list contains the host of a URL at this port; none if the list is invalid.
pub(super) fn includes(list: &str, host: &str, port: Option<u16>) -> Option<bool> {
    let entries = list.split(|each: char| each == ',' || each.is_ascii_whitespace());
    let mut is_included = false;
    // All entries are parsed, so that an invalid one is always an error.
    for descriptor in entries.filter(|descriptor| !descriptor.is_empty()) {
        let (hosts, only) = read(descriptor)?;
        is_included |= only.is_none_or(|only| Some(only) == port) && hosts.include(host);
    }
    Some(is_included)
}

/// An entry and its port.
fn read(descriptor: &str) -> Option<(Hosts, Option<u16>)> {
    if let Some(hosts) = network(descriptor) {
        return Some((hosts, None));
    }
    let (name, port) = match descriptor.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse().ok()?)),
        None => (descriptor, None),
    };
    if name == "*" {
        return Some((Hosts::All, port));
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    let url = Url::parse(&format!("http://{}/", name.strip_prefix('.').unwrap_or(name))).ok()?;
    let is_host = url.path() == "/" && url.username().is_empty() && url.query().is_none();
    let host = url.host_str().filter(|host| is_host && url.fragment().is_none() && !host.contains('*'))?;
    Some((
        network(host.trim_matches(['[', ']'])).unwrap_or_else(|| Hosts::Domain(bare(host).to_owned())),
        port,
    ))
}

/// An address, or a network.
fn network(text: &str) -> Option<Hosts> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address).map(Hosts::Network)
}

/// A name without a trailing dot.
fn bare(host: &str) -> &str {
    host.trim_end_matches('.')
}

impl Hosts {
    fn include(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Domain(domain) => {
                let above = bare(host).strip_suffix(domain.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            Self::Network(network) => {
                let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
                address.is_ok_and(|address| network.contains(&address))
            }
        }
    }
}
