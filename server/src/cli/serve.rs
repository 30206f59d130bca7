//! `gatekeeper serve`.

mod log;
mod prune;
mod reload;

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use gatekeeper::GatekeeperError;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::visible;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::fields::setting_parser;
use super::output;
use super::session::Session;
use crate::config::{
    BODY_TIMEOUT_MS, CORS_ORIGINS, Config, DOCS, EXPORT_TIMEOUT_MS, Flags, GATEWAY_LISTEN, GATEWAY_TENANTS,
    HEADER_TIMEOUT_MS, HOST, HSTS_SECONDS, LOG_LEVEL, MAX_CONNECTIONS, METRICS, PORT, SHUTDOWN_TIMEOUT_MS,
    SIGNUP, SOCKET, Setting, TLS_CERT, TLS_KEY, TRUSTED_PROXIES, shown,
};
use crate::http::{self, Exposure, Listen, Proxies, Server, Signup, SignupRule, Tls};

/// How long shutdown waits for aborted work: longer than any wait for a database lock.
const ABORT_TIMEOUT: Duration = Duration::from_secs(6);

/// Serve the database over HTTP until Ctrl-C or SIGTERM.
///
/// Endpoints are reloaded when gatekeeper.toml changes, and on SIGHUP. Every option here can also be set in [server] of
/// gatekeeper.toml and in a GATEKEEPER_* variable.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper serve\n  gatekeeper serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem\n  gatekeeper serve --gateway-listen 127.0.0.1:8788 --trusted-proxies 10.0.0.0/8\n\nLogs go to standard error: readable lines on a terminal; otherwise, or with --json, one JSON object a line."
)]
pub(crate) struct Serve {
    /// The address to listen on [default: 127.0.0.1].
    #[arg(long)]
    host: Option<String>,
    /// The port to listen on; 0 for any free port [default: 8787].
    #[arg(long, value_parser = setting_parser(&PORT))]
    port: Option<Value>,
    /// Listen on this Unix socket instead.
    #[arg(long, alias = "unix", value_name = "PATH", conflicts_with_all = ["host", "port"])]
    socket: Option<String>,
    /// Serve gateways on a separate address: /check and /check/nginx.
    #[arg(long, alias = "check-listen", value_name = "ADDRESS:PORT")]
    gateway_listen: Option<String>,
    /// The tenants whose keys gateways accept, separated by commas, or all [default: the tenant `default`].
    #[arg(long, value_name = "IDS")]
    gateway_tenants: Option<String>,
    /// Who may create accounts: open for any client, closed for the operator only [default: programs on this machine].
    #[arg(long, value_name = "STATE")]
    signup: Option<String>,
    /// A PEM file with the certificate and its chain.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// A PEM file with the private key of the certificate.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// The max-age of HSTS over TLS, in seconds; 0 to send no such header [default: one year].
    #[arg(long, value_name = "SECONDS")]
    hsts_seconds: Option<u64>,
    /// Where /metrics is served: main, the address for all clients; gateway, the address for gateways; or off [default:
    /// main].
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
    /// Where /docs and /openapi.json are served: main, gateway or off [default: main].
    #[arg(long, value_name = "ADDRESS")]
    docs: Option<String>,
    /// Addresses or networks whose X-Forwarded-For is trusted, separated by commas.
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',')]
    trusted_proxies: Vec<String>,
    /// An origin whose pages may call the server: scheme, host and port; can be repeated.
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// The log level: off, error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// The maximum number of open connections [default: 20000].
    #[arg(long, value_name = "N", value_parser = setting_parser(&MAX_CONNECTIONS))]
    max_connections: Option<Value>,
    /// The timeout for a client to send its headers, in ms [default: 15000].
    #[arg(long, value_name = "MS", value_parser = setting_parser(&HEADER_TIMEOUT_MS))]
    header_timeout_ms: Option<Value>,
    /// The timeout for a client to send a body, and to receive each part of a response, in ms [default: 30000].
    #[arg(long, value_name = "MS", value_parser = setting_parser(&BODY_TIMEOUT_MS))]
    body_timeout_ms: Option<Value>,
    /// The timeout of an export, in ms [default: 600000].
    #[arg(long, value_name = "MS", value_parser = setting_parser(&EXPORT_TIMEOUT_MS))]
    export_timeout_ms: Option<Value>,
    /// How long shutdown waits for requests in progress, in ms [default: 30000].
    #[arg(long, value_name = "MS", value_parser = setting_parser(&SHUTDOWN_TIMEOUT_MS))]
    shutdown_timeout_ms: Option<Value>,
}

impl Serve {
    pub(crate) fn add_to(self, flags: Flags) -> Result<Flags, Failure> {
        Ok(flags
            .with_text(&GATEWAY_TENANTS, self.gateway_tenants.as_deref())?
            .with(&SIGNUP, self.signup)
            .with(&HOST, self.host)
            .with(&PORT, self.port)
            .with(&SOCKET, self.socket)
            .with(&GATEWAY_LISTEN, self.gateway_listen)
            .with(&TLS_CERT, self.tls_cert)
            .with(&TLS_KEY, self.tls_key)
            .with(&HSTS_SECONDS, self.hsts_seconds)
            .with(&METRICS, self.metrics)
            .with(&DOCS, self.docs)
            .with_list(&TRUSTED_PROXIES, &self.trusted_proxies)
            .with_list(&CORS_ORIGINS, &self.cors_origin)
            .with(&LOG_LEVEL, self.log_level)
            .with(&MAX_CONNECTIONS, self.max_connections)
            .with(&HEADER_TIMEOUT_MS, self.header_timeout_ms)
            .with(&BODY_TIMEOUT_MS, self.body_timeout_ms)
            .with(&EXPORT_TIMEOUT_MS, self.export_timeout_ms)
            .with(&SHUTDOWN_TIMEOUT_MS, self.shutdown_timeout_ms))
    }
}

pub(crate) fn run(session: &Session) -> Result<(), Failure> {
    let config = &session.config;
    if config.is_remote() {
        let message = "this URL is served already: name a database file with --url";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let (server_config, listen, check) = (server_config(config)?, listen(config)?, gateway_listen(config)?);
    log::begin(config.text(&LOG_LEVEL).unwrap_or_default(), session.output);
    let gatekeeper = session.gatekeeper()?;
    // Fails now with what /ready would report later, such as another secret in the processes that use the database.
    gatekeeper.check_ready()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(GatekeeperError::internal)?;
    let served = runtime.block_on(async {
        let server = Server::bind(&gatekeeper, server_config, listen, check).await?;
        let stop = shutdown_signal()?;
        let sighup = listen_for(SignalKind::hangup())?;
        print_address(session, &server)?;
        log_missing_setup(&gatekeeper, config);
        let follow = tokio::spawn(reload::follow(config.file().clone(), server.endpoints(), sighup));
        let prune = tokio::spawn(prune::follow(gatekeeper.clone()));
        server.run(stop).await;
        follow.abort();
        prune.abort();
        Ok(())
    });
    runtime.shutdown_timeout(ABORT_TIMEOUT);
    served
}

/// Prints where the server listens, what it serves, and who may sign up. A failure to print is ignored.
fn print_address(session: &Session, server: &Server) -> Result<(), Failure> {
    let (address, gateways) = (server.address()?, server.gateway_address()?);
    let (output, config) = (session.output, &session.config);
    let signup = server.signup();
    let database = config.database().map_or_else(|| config.url().to_owned(), |path| shown(&path));
    let endpoints = config.endpoints().names().count();
    if output.json {
        let check = gateways.map(|gateways| gateways.to_string());
        let signup = json!({ "state": signup.name(), "reason": signup.reason() });
        let _ = output::json(&json!({
            "url": address.to_string(), "database": database, "endpoints": endpoints, "check": check, "signup": signup,
        }));
        return Ok(());
    }
    let endpoints = match endpoints {
        1 => "1 endpoint".to_owned(),
        count => format!("{count} endpoints"),
    };
    let database = visible(&database);
    let _ = output::line(&format!("listening on {address} with {database} and {endpoints} ({signup})"));
    if let Some(gateways) = gateways {
        let _ = output::line(&format!("listening for gateways on {gateways}"));
    }
    Ok(())
}

/// Logs a warning for what a new server lacks.
fn log_missing_setup(gatekeeper: &Gatekeeper, config: &Config) {
    if config.endpoints().names().next().is_none() {
        let file = config.file().path.display();
        tracing::warn!(%file, "no endpoint is defined: keys.verify rejects every endpoint until there is an [endpoints.NAME]");
    }
    if gatekeeper.has_root_key().is_ok_and(|has_one| !has_one) {
        tracing::warn!("there is no root key: run `gatekeeper init`");
    }
}

/// Ends when the process receives SIGINT or SIGTERM.
fn shutdown_signal() -> Result<impl Future<Output = ()>, GatekeeperError> {
    let (mut interrupt, mut terminate) =
        (listen_for(SignalKind::interrupt())?, listen_for(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    })
}

fn listen_for(kind: SignalKind) -> Result<Signal, GatekeeperError> {
    signal(kind).map_err(GatekeeperError::internal)
}

fn server_config(config: &Config) -> Result<http::Config, GatekeeperError> {
    let duration = |setting| Duration::from_millis(config.integer(setting).unwrap_or_default());
    let max = config.integer(&MAX_CONNECTIONS).unwrap_or_default();
    Ok(http::Config {
        proxies: proxies(config)?,
        cors_origins: cors_origins(config)?,
        tls: tls(config)?,
        hsts_seconds: config.integer(&HSTS_SECONDS).unwrap_or_default(),
        metrics: exposure(config, &METRICS)?,
        docs: exposure(config, &DOCS)?,
        gateway_tenants: config.gateway_tenants()?,
        signup: match config.text(&SIGNUP) {
            Some("open") => Some(Signup::Open),
            Some(_) => Some(Signup::Closed),
            None => None,
        },
        max_connections: usize::try_from(max).unwrap_or(usize::MAX),
        header_timeout: duration(&HEADER_TIMEOUT_MS),
        body_timeout: duration(&BODY_TIMEOUT_MS),
        export_timeout: duration(&EXPORT_TIMEOUT_MS),
        shutdown_timeout: duration(&SHUTDOWN_TIMEOUT_MS),
    })
}

fn exposure(config: &Config, setting: &Setting) -> Result<Exposure, GatekeeperError> {
    match config.text(setting) {
        Some("off") => Ok(Exposure::Off),
        Some("gateway") if config.text(&GATEWAY_LISTEN).is_some() => Ok(Exposure::Gateway),
        Some("gateway") => {
            let (name, address) = (setting.name, GATEWAY_LISTEN.name);
            Err(GatekeeperError::bad_request(format!(
                "{name} is gateway: set {address} too, or choose main or off"
            )))
        }
        _ => Ok(Exposure::Main),
    }
}

/// Who may create accounts on a server with this configuration.
pub(super) fn signup(config: &Config) -> Result<SignupRule, GatekeeperError> {
    Ok(SignupRule::of(&server_config(config)?, &listen(config)?, gateway_listen(config)?.is_some()))
}

pub(super) fn proxies(config: &Config) -> Result<Proxies, GatekeeperError> {
    config.list(&TRUSTED_PROXIES).join(",").parse()
}

/// The allowed origins, written as browsers send them: without a path or a trailing slash.
pub(super) fn cors_origins(config: &Config) -> Result<Vec<String>, GatekeeperError> {
    let origins = config.list(&CORS_ORIGINS);
    let is_origin = |origin: &String| {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        origin == "*"
            || host.is_some_and(|host| {
                !host.is_empty()
                    && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@".contains(&byte))
            })
    };
    if origins.iter().all(is_origin) {
        return Ok(origins);
    }
    let message = "server.corsOrigins must be origins such as https://app.example.com, without a path, or *";
    Err(GatekeeperError::bad_request(message))
}

pub(super) fn tls(config: &Config) -> Result<Option<Tls>, GatekeeperError> {
    match (config.path(&TLS_CERT), config.path(&TLS_KEY)) {
        (Some(certificate), Some(key)) => Ok(Some(Tls { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(needs(&TLS_CERT, &TLS_KEY)),
        (None, Some(_)) => Err(needs(&TLS_KEY, &TLS_CERT)),
    }
}

fn needs(given: &Setting, missing: &Setting) -> GatekeeperError {
    GatekeeperError::bad_request(format!("{} also needs {}", given.name, missing.name))
}

fn listen(config: &Config) -> Result<Listen, GatekeeperError> {
    let port = config.integer(&PORT).and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let host = config.text(&HOST).unwrap_or_default();
    match config.path(&SOCKET) {
        Some(_) if tls(config)?.is_some() => Err(GatekeeperError::bad_request(
            "server.socket does not support TLS: omit server.tlsCert and server.tlsKey",
        )),
        Some(path) => Ok(Listen::Unix(path)),
        None => Ok(Listen::Tcp(host.to_owned(), port)),
    }
}

pub(super) fn gateway_listen(config: &Config) -> Result<Option<SocketAddr>, GatekeeperError> {
    let parse = |text: &str| {
        text.parse().map_err(|_| {
            let message = "server.gatewayListen must be an address and a port, such as 127.0.0.1:8788";
            GatekeeperError::bad_request(message)
        })
    };
    config.text(&GATEWAY_LISTEN).map(parse).transpose()
}
