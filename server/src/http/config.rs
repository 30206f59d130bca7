//! How the server behaves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gatekeeper::Tenants;

use super::client_address::Proxies;
use super::signup::Signup;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose `X-Forwarded-For` is believed. Defaults to nobody's.
    pub proxies: Proxies,
    /// Origins whose pages may call from a browser (Fetch standard, CORS protocol), such as `https://app.example.com`;
    /// `*` for every one. Defaults to none.
    pub cors_origins: Vec<String>,
    /// The certificate that connections are secured with. Defaults to none: plain HTTP.
    pub tls: Option<Tls>,
    /// For how many seconds a browser that came by TLS comes by TLS alone (RFC 6797); 0 to say nothing of it. Defaults to a
    /// year.
    pub hsts_seconds: u64,
    /// Where `/metrics` is served. Defaults to the main address.
    pub metrics: Exposure,
    /// Where `/docs` and `/openapi.json` are served. Defaults to the main address.
    pub docs: Exposure,
    /// The tenants whose keys gateways let through. Defaults to the tenant `default` alone.
    pub gateway_tenants: Tenants,
    /// Who may make accounts. Defaults to programs on this machine, on a server that nothing stands before; see
    /// [`SignupRule`](super::SignupRule).
    pub signup: Option<Signup>,
    /// How many connections are open at once; more wait to be accepted. Defaults to 20,000.
    pub max_connections: usize,
    /// For how long a client may take to send its headers, and for how long a connection may wait between requests.
    /// Defaults to 15 s.
    pub header_timeout: Duration,
    /// For how long a client may take to send a body, and to take each part of an answer. Defaults to 30 s.
    pub body_timeout: Duration,
    /// For how long an export may be sent, whatever its client takes of it. Defaults to 10 minutes.
    pub export_timeout: Duration,
    /// For how long a server that is asked to stop waits for what it has begun. Defaults to 30 s.
    pub shutdown_timeout: Duration,
}

/// Files of PEM: a chain of certificates, and the private key of the first. They are read again when they change.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain of certificates.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// The address that serves a page for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// The address of all clients.
    Main,
    /// The address of gateways.
    Gateway,
    /// None: the page is 404.
    Off,
}

/// Where the server listens.
#[derive(Clone, Debug)]
pub enum Listen {
    /// A host by address or name, and a port; 0 for any.
    Tcp(String, u16),
    /// A Unix socket, made for its owner and group. One that nobody listens at any more is replaced.
    Unix(PathBuf),
}

/// Where a server can be reached.
#[derive(Clone, Debug)]
pub enum Address {
    /// Over HTTP.
    Tcp(SocketAddr),
    /// Over HTTPS.
    Tls(SocketAddr),
    /// At a Unix socket.
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
    /// As a URL.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Tls(address) => write!(f, "https://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
