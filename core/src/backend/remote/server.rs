//! A server, and how it is spoken to.

use std::env;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

use super::address::Address;
use super::background::Connection;
use super::proxy::Proxy;
use crate::error::{GatekeeperError, Result};
use crate::secret::Secret;

/// How a server is to be spoken to.
pub(crate) struct HttpOptions<'a> {
    /// How long a call may take, with all that is tried again.
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    /// What every request carries.
    pub(crate) headers: &'a [(String, Secret)],
    pub(crate) user_agent: Option<&'a str>,
}

/// A server by its address.
pub(super) struct Server {
    address: Address,
    /// The proxy that it is reached through, as the environment said when it was opened.
    proxy: Option<Proxy>,
    /// What every request carries.
    pub(super) headers: HeaderMap,
    /// How long a call may take, with all that is tried again.
    pub(super) timeout: Duration,
    pub(super) max_retries: u32,
}

impl Server {
    /// # Errors
    /// `bad_request` for a URL that names no server, and for a variable that names no proxy.
    pub(super) fn new(url: &str, http_options: &HttpOptions<'_>) -> Result<Self> {
        let unfit = |name: &str| GatekeeperError::bad_request(format!("defaultHeaders.{name} is no header"));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in http_options.headers {
            let header = HeaderName::try_from(name).map_err(|_| unfit(name))?;
            let mut value = HeaderValue::try_from(value.expose()).map_err(|_| unfit(name))?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        let usual = concat!("gatekeeper/", env!("CARGO_PKG_VERSION"));
        let agent = HeaderValue::try_from(http_options.user_agent.unwrap_or(usual));
        headers
            .insert(USER_AGENT, agent.map_err(|_| GatekeeperError::bad_request("userAgent is no header"))?);
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

    /// Which of the clients speaks to it.
    pub(super) fn connection(&self) -> Connection {
        Connection { is_tls: self.address.is_tls(), proxy: self.proxy.clone() }
    }

    pub(super) fn url(&self, path: &str, query: &[(String, String)]) -> Url {
        self.address.join(path, query)
    }
}
