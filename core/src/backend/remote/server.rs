//! A server and its connection settings.

use std::env;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

use super::address::Address;
use super::background::Connection;
use super::proxy::Proxy;
use crate::error::{GatekeeperError, Result};
use crate::secret::Secret;

/// The options of the HTTP client.
pub(crate) struct HttpOptions<'a> {
    /// The timeout of a call, including retries.
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    /// The headers of every request.
    pub(crate) headers: &'a [(String, Secret)],
    pub(crate) user_agent: Option<&'a str>,
}

/// A server with its address and connection settings.
pub(super) struct Server {
    address: Address,
    /// The proxy, from the environment at the time of opening.
    proxy: Option<Proxy>,
    /// The headers of every request.
    pub(super) headers: HeaderMap,
    /// The timeout of a call, including retries.
    pub(super) timeout: Duration,
    pub(super) max_retries: u32,
}

impl Server {
    /// # Errors
    /// `bad_request` for an invalid URL and for an invalid proxy variable.
    pub(super) fn new(url: &str, http_options: &HttpOptions<'_>) -> Result<Self> {
        let invalid = |name: &str| {
            GatekeeperError::bad_request(format!("defaultHeaders.{name} must be a valid header"))
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in http_options.headers {
            let header = HeaderName::try_from(name).map_err(|_| invalid(name))?;
            let mut value = HeaderValue::try_from(value.expose()).map_err(|_| invalid(name))?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        let default_agent = concat!("gatekeeper/", env!("CARGO_PKG_VERSION"));
        let agent = HeaderValue::try_from(http_options.user_agent.unwrap_or(default_agent));
        headers.insert(
            USER_AGENT,
            agent.map_err(|_| GatekeeperError::bad_request("userAgent must be a valid header value"))?,
        );
        let address = Address::parse(url)?;
        Ok(Self {
            proxy: Proxy::of(address.base(), |name| env::var_os(name))?,
            address,
            headers,
            timeout: http_options.timeout,
            max_retries: http_options.max_retries,
        })
    }

    /// Scheme, host and port.
    pub(super) fn name(&self) -> &str {
        self.address.name()
    }

    /// The key of its HTTP client.
    pub(super) fn connection(&self) -> Connection {
        Connection { is_tls: self.address.is_tls(), proxy: self.proxy.clone() }
    }

    pub(super) fn url(&self, path: &str, query: &[(String, String)]) -> Url {
        self.address.join(path, query)
    }
}
