//! The configuration of the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gatekeeper::Tenants;

use super::client_address::Proxies;

/// The configuration of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The proxies whose `X-Forwarded-For` is trusted. Defaults to none.
    pub proxies: Proxies,
    /// Origins whose pages may call the server from a browser (Fetch standard, CORS protocol), such as
    /// `https://app.example.com`, or `*` for every origin. Defaults to none.
    pub cors_origins: Vec<String>,
    /// The TLS certificate and key. Defaults to none: plain HTTP.
    pub tls: Option<Tls>,
    /// The max-age of the HSTS header in seconds (RFC 6797), with TLS only; 0 to send no header. Defaults to one year.
    pub hsts_seconds: u64,
    /// The address that serves `/metrics`. Defaults to the main address.
    pub metrics: Exposure,
    /// The address that serves `/docs` and `/openapi.json`. Defaults to the main address.
    pub docs: Exposure,
    /// The tenants whose keys gateways accept. Defaults to the tenant `default`.
    pub gateway_tenants: Tenants,
    /// Who may create accounts. Defaults to programs on this machine, unless a proxy may be in front of the server; see
    /// [`SignupRule`](super::SignupRule).
    pub signup: Option<Signup>,
    /// The maximum number of open connections; further clients wait. Defaults to 20,000.
    pub max_connections: usize,
    /// The timeout for a client to send its headers, and for an idle connection between requests. Defaults to 15 s.
    pub header_timeout: Duration,
    /// The timeout for a client to send a body, and to receive each part of a response. Defaults to 30 s.
    pub body_timeout: Duration,
    /// The timeout of an export, however fast its client reads. Defaults to 10 minutes.
    pub export_timeout: Duration,
    /// How long shutdown waits for requests in progress. Defaults to 30 s.
    pub shutdown_timeout: Duration,
}

/// The PEM files of a TLS certificate. They are reloaded when they change.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate and its chain.
    pub certificate: PathBuf,
    /// The private key of the certificate: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Whether accounts can be created over HTTP, and tenants by users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signup {
    /// Any client may create accounts.
    Open,
    /// Only the operator may create accounts.
    Closed,
}

/// The address that serves a page for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// The address for all clients.
    Main,
    /// The address for gateways.
    Gateway,
    /// No address: the page returns 404.
    Off,
}

/// The address to listen on.
#[derive(Clone, Debug)]
pub enum Listen {
    /// A host, given by address or name, and a port; 0 for any free port.
    Tcp(String, u16),
    /// A Unix socket for the user and group of the process. A stale socket file is replaced.
    Unix(PathBuf),
}

/// The URL of a server.
#[derive(Clone, Debug)]
pub enum Address {
    /// HTTP.
    Tcp(SocketAddr),
    /// HTTPS.
    Tls(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            proxies: Proxies::default(),
            cors_origins: Vec::new(),
            tls: None,
            hsts_seconds: 365 * 24 * 60 * 60,
            metrics: Exposure::Main,
            docs: Exposure::Main,
            gateway_tenants: Tenants::default(),
            signup: None,
            max_connections: 20_000,
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            export_timeout: Duration::from_secs(600),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl std::fmt::Display for Address {
    /// Formats the address as a URL.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Tls(address) => write!(f, "https://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
