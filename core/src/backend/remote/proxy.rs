//! The proxy of a server, from the environment variables that curl uses. An invalid variable is an error: ignoring it would
//! send credentials around the proxy that the operator chose.

use std::ffi::OsString;
use std::net::IpAddr;

use reqwest::Url;

use super::no_proxy;
use crate::error::{GatekeeperError, Result};

/// The variable for servers of any scheme, in both cases.
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const NO: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// The variable that marks a CGI program, where `HTTP_PROXY` is the header `Proxy` of a request.
const CGI: &str = "REQUEST_METHOD";

/// A proxy. Its URL may hold a password, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Proxy(Url);

impl Proxy {
    /// The proxy that `environment` names for the server at `url`: the variable of its scheme, else `ALL_PROXY`. There is
    /// none for this machine itself, and none for the hosts of `NO_PROXY`.
    ///
    /// # Errors
    /// `bad_request` for an invalid variable; the message names it, and never repeats its value.
    pub(super) fn of(url: &Url, environment: impl Fn(&str) -> Option<OsString>) -> Result<Option<Self>> {
        let Some(host) = url.host_str().filter(|host| !is_this_machine(host)) else { return Ok(None) };
        let is_cgi = environment(CGI).is_some();
        let of_scheme: &[&str] = match url.scheme() {
            "https" => &["HTTPS_PROXY", "https_proxy"],
            _ if is_cgi => &["http_proxy"],
            _ => &["HTTP_PROXY", "http_proxy"],
        };
        let Some((name, value)) = given(of_scheme, &environment)?.or(given(&ALL, &environment)?) else {
            return Ok(None);
        };
        if let Some((name, list)) = given(&NO, &environment)? {
            let port = url.port_or_known_default();
            let lists = no_proxy::includes(&list, host, port).ok_or_else(|| {
                GatekeeperError::bad_request(format!(
                    "{name}: each entry must be a host, a domain, an address, a network such as 10.0.0.0/8, or *, with :PORT \
                     or without, separated by commas: correct the variable or unset it"
                ))
            })?;
            if lists {
                return Ok(None);
            }
        }
        let proxy = parsed(&value).ok_or_else(|| {
            GatekeeperError::bad_request(format!(
                "{name}: a proxy must be http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host where it \
                 wants them: correct the variable or unset it, or list the server's host in NO_PROXY"
            ))
        })?;
        Ok(Some(Self(proxy)))
    }

    /// Whether the connection to the proxy uses TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The proxy as a setting of the HTTP client.
    ///
    /// # Errors
    /// `bad_request` if the client rejects it.
    pub(super) fn rule(&self) -> Result<reqwest::Proxy> {
        reqwest::Proxy::all(self.0.clone())
            .map_err(|_| GatekeeperError::bad_request("the proxy that the environment names cannot be used"))
    }
}

/// The first of the variables that is set, unless it is empty.
fn given<'a>(
    names: &[&'a str],
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<(&'a str, String)>> {
    let Some((name, value)) = names.iter().find_map(|name| Some((*name, environment(name)?))) else {
        return Ok(None);
    };
    let value = value.into_string().map_err(|_| {
        GatekeeperError::bad_request(format!("{name}: the variable must be Unicode: correct it or unset it"))
    })?;
    let value = value.trim_ascii();
    Ok((!value.is_empty()).then(|| (name, value.to_owned())))
}

/// The URL of a proxy; `http://` if it has no scheme.
fn parsed(value: &str) -> Option<Url> {
    // The URL parser silently removes these characters.
    if value.contains(|each: char| each.is_ascii_whitespace() || each.is_control()) {
        return None;
    }
    let url = if value.contains("://") { Url::parse(value) } else { Url::parse(&format!("http://{value}")) };
    let url = url.ok()?;
    let is_bare = matches!(url.path(), "/" | "") && url.query().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare).then_some(url)
}

/// Whether a host of a URL is this machine, which no proxy reaches.
fn is_this_machine(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback() || address.is_unspecified(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests;
