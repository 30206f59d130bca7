//! `gatekeeper serve`.

mod log;
mod prune;
mod reload;

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use gatekeeper::{Gatekeeper, GatekeeperError, visible};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::fields::of_setting;
use super::output;
use super::session::Session;
use crate::config::{
    BODY_TIMEOUT_MS, CORS_ORIGINS, Config, DOCS, EXPORT_TIMEOUT_MS, Flags, GATEWAY_LISTEN, GATEWAY_TENANTS,
    HEADER_TIMEOUT_MS, HOST, HSTS_SECONDS, LOG_LEVEL, MAX_CONNECTIONS, METRICS, PORT, SHUTDOWN_TIMEOUT_MS,
    SIGNUP, SOCKET, Setting, TLS_CERT, TLS_KEY, TRUSTED_PROXIES, shown,
};
use crate::http::{self, Exposure, Listen, Proxies, Server, Signup, SignupRule, Tls};

/// For how long work that was given up is waited for: longer than anything waits for a lock of the database.
const LAST_WORK: Duration = Duration::from_secs(6);

/// Serves the place over HTTP until it is told to stop by Ctrl-C or SIGTERM.
///
/// Endpoints in gatekeeper.toml may change while it runs: they are read again when the file changes, and on SIGHUP.
/// Everything here can stand in [server] of gatekeeper.toml and in GATEKEEPER_* variables, too.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper serve\n  gatekeeper serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem\n  gatekeeper serve --gateway-listen 127.0.0.1:8788 --trusted-proxies 10.0.0.0/8\n\nLogs go to the standard error: readable lines on a terminal, otherwise, and with --json, an object of JSON a line."
)]
pub(crate) struct Serve {
    /// The address to listen on [default: 127.0.0.1].
    #[arg(long)]
    host: Option<String>,
    /// The port to listen on; 0 for any [default: 8787].
    #[arg(long, value_parser = of_setting(&PORT))]
    port: Option<Value>,
    /// Listens on a Unix socket instead.
    #[arg(long, alias = "unix", value_name = "PATH", conflicts_with_all = ["host", "port"])]
    socket: Option<String>,
    /// Answers gateways on an address of their own: /check and /check/nginx.
    #[arg(long, alias = "check-listen", value_name = "ADDRESS:PORT")]
    gateway_listen: Option<String>,
    /// The tenants whose keys gateways let through, separated by commas, or all [default: the tenant `default`].
    #[arg(long, value_name = "IDS")]
    gateway_tenants: Option<String>,
    /// Who may make accounts: open for anyone, closed for the operator alone [default: programs on this machine].
    #[arg(long, value_name = "STATE")]
    signup: Option<String>,
    /// A PEM file with the certificate and those that it follows from.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// A PEM file with the certificate's private key.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// How long a browser that came by TLS comes by TLS alone, in seconds; 0 to say nothing of it [default: a year].
    #[arg(long, value_name = "SECONDS")]
    hsts_seconds: Option<u64>,
    /// Where /metrics is served: main, the address of all clients; gateway, that of gateways; or off [default: main].
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
    /// Where /docs and /openapi.json are served: main, gateway or off [default: main].
    #[arg(long, value_name = "ADDRESS")]
    docs: Option<String>,
    /// Addresses or networks whose X-Forwarded-For is believed, separated by commas.
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',')]
    trusted_proxies: Vec<String>,
    /// An origin whose pages may call the server: scheme, host and port; can be repeated.
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// How much is logged: off, error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How many connections are open at once [default: 20000].
    #[arg(long, value_name = "N", value_parser = of_setting(&MAX_CONNECTIONS))]
    max_connections: Option<Value>,
    /// How long a client may take to send its headers, in ms [default: 15000].
    #[arg(long, value_name = "MS", value_parser = of_setting(&HEADER_TIMEOUT_MS))]
    header_timeout_ms: Option<Value>,
    /// How long a client may take to send a body, and to take each part of an answer, in ms [default: 30000].
    #[arg(long, value_name = "MS", value_parser = of_setting(&BODY_TIMEOUT_MS))]
    body_timeout_ms: Option<Value>,
    /// How long an export may be sent, in ms [default: 600000].
    #[arg(long, value_name = "MS", value_parser = of_setting(&EXPORT_TIMEOUT_MS))]
    export_timeout_ms: Option<Value>,
    /// How long what has begun is waited for at the end, in ms [default: 30000].
    #[arg(long, value_name = "MS", value_parser = of_setting(&SHUTDOWN_TIMEOUT_MS))]
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
            .with_each(&TRUSTED_PROXIES, &self.trusted_proxies)
            .with_each(&CORS_ORIGINS, &self.cors_origin)
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
        let message = "a place that is served already is not served again: name a file with --url";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let (server_config, listen, check) = (server_config(config)?, listen(config)?, gateway_listen(config)?);
    log::begin(config.text(&LOG_LEVEL).unwrap_or_default(), session.output);
    let gatekeeper = session.gatekeeper()?;
    // Says now what /ready would say later, such as that other processes use the database with another secret.
    gatekeeper.check_ready()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(GatekeeperError::internal)?;
    let served = runtime.block_on(async {
        let server = Server::bind(&gatekeeper, server_config, listen, check).await?;
        let stop = stop()?;
        let hang_up = on(SignalKind::hangup())?;
        publish(session, &server)?;
        warn_of_gaps(&gatekeeper, config);
        let follow = tokio::spawn(reload::follow(config.file().clone(), server.endpoints(), hang_up));
        let prune = tokio::spawn(prune::follow(gatekeeper.clone()));
        server.run(stop).await;
        follow.abort();
        prune.abort();
        Ok(())
    });
    runtime.shutdown_timeout(LAST_WORK);
    served
}

/// Says where the server listens, what it serves, and who may sign up. That the line is not read does not stop it.
fn publish(session: &Session, server: &Server) -> Result<(), Failure> {
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
        let _ = output::line(&format!("gateways ask at {gateways}"));
    }
    Ok(())
}

/// Tells the log what a server that was just made lacks.
fn warn_of_gaps(gatekeeper: &Gatekeeper, config: &Config) {
    if config.endpoints().names().next().is_none() {
        let file = config.file().path.display();
        tracing::warn!(%file, "no endpoint is defined: keys.verify knows none before there is an [endpoints.NAME]");
    }
    if gatekeeper.has_root_key().is_ok_and(|has_one| !has_one) {
        tracing::warn!("there is no root key: run `gatekeeper init`");
    }
}

/// Ends when the process is asked to stop.
fn stop() -> Result<impl Future<Output = ()>, GatekeeperError> {
    let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    })
}

fn on(kind: SignalKind) -> Result<Signal, GatekeeperError> {
    signal(kind).map_err(GatekeeperError::internal)
}

fn server_config(config: &Config) -> Result<http::Config, GatekeeperError> {
    let duration = |setting| Duration::from_millis(config.whole(setting).unwrap_or_default());
    let most = config.whole(&MAX_CONNECTIONS).unwrap_or_default();
    Ok(http::Config {
        proxies: proxies(config)?,
        cors_origins: cors_origins(config)?,
        tls: tls(config)?,
        hsts_seconds: config.whole(&HSTS_SECONDS).unwrap_or_default(),
        metrics: exposure(config, &METRICS)?,
        docs: exposure(config, &DOCS)?,
        gateway_tenants: config.gateway_tenants()?,
        signup: match config.text(&SIGNUP) {
            Some("open") => Some(Signup::Open),
            Some(_) => Some(Signup::Closed),
            None => None,
        },
        max_connections: usize::try_from(most).unwrap_or(usize::MAX),
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

/// Who could make accounts on a server with this configuration.
pub(super) fn signup(config: &Config) -> Result<SignupRule, GatekeeperError> {
    Ok(SignupRule::of(&server_config(config)?, &listen(config)?, gateway_listen(config)?.is_some()))
}

pub(super) fn proxies(config: &Config) -> Result<Proxies, GatekeeperError> {
    config.texts(&TRUSTED_PROXIES).join(",").parse()
}

/// What a browser would send, which has no path, not even a slash.
pub(super) fn cors_origins(config: &Config) -> Result<Vec<String>, GatekeeperError> {
    let origins = config.texts(&CORS_ORIGINS);
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
        (Some(_), None) => Err(only(&TLS_CERT, &TLS_KEY)),
        (None, Some(_)) => Err(only(&TLS_KEY, &TLS_CERT)),
    }
}

fn only(given: &Setting, missing: &Setting) -> GatekeeperError {
    GatekeeperError::bad_request(format!("{} needs {} beside it", given.name, missing.name))
}

fn listen(config: &Config) -> Result<Listen, GatekeeperError> {
    let port = config.whole(&PORT).and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let host = config.text(&HOST).unwrap_or_default();
    match config.path(&SOCKET) {
        Some(_) if tls(config)?.is_some() => Err(GatekeeperError::bad_request(
            "server.socket needs no TLS: leave out server.tlsCert and tlsKey",
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
