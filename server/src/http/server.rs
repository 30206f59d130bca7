//! The server: its listeners, its connections, and its shutdown.

use std::fmt;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Endpoints, GatekeeperError, Result};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::app::App;
use super::client_address::Peer;
use super::config::{Address, Config, Listen};
use super::connection::{Connections, Stream};
use super::files;
use super::router::{gateway_routes, routes};
use super::signup::SignupRule;
use super::tls::Certificates;

/// The mode of the Unix socket. Only the user and the group may connect, because peers may be trusted as proxies.
const SOCKET_MODE: u32 = 0o660;
/// How long to pause if the system has no files or memory for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// A server that is bound to its addresses.
pub struct Server {
    app: Arc<App>,
    certificates: Option<Arc<Certificates>>,
    main: Listener,
    gateways: Option<Listener>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Server {
    /// Binds `listen` for all clients and `check` for gateways. No request is served before [`run`](Self::run).
    ///
    /// # Errors
    /// `bad_request` for an address that cannot be bound and for an invalid certificate; `service_unavailable` if the
    /// database cannot be opened.
    pub async fn bind(
        gatekeeper: &Gatekeeper,
        config: Config,
        listen: Listen,
        check: Option<SocketAddr>,
    ) -> Result<Self> {
        let certificates = config.tls.clone().map(Certificates::read).transpose()?;
        let opened = gatekeeper.clone();
        let ready = tokio::task::spawn_blocking(move || opened.check_ready());
        ready.await.map_err(GatekeeperError::internal)??;
        let signup = SignupRule::of(&config, &listen, check.is_some());
        let main = match listen {
            Listen::Tcp(host, port) => tcp(&host, port).await?,
            Listen::Unix(path) => unix(path)?,
        };
        let gateways = match check {
            Some(address) => Some(tcp(&address.ip().to_string(), address.port()).await?),
            None => None,
        };
        Ok(Self { app: App::new(gatekeeper, config, signup)?, certificates, main, gateways })
    }

    /// The address of the server.
    ///
    /// # Errors
    /// `internal` if the system does not report the address.
    pub fn address(&self) -> Result<Address> {
        let address = self.main.address()?;
        Ok(match address {
            Address::Tcp(address) if self.certificates.is_some() => Address::Tls(address),
            address => address,
        })
    }

    /// The address for gateways, if there is one.
    ///
    /// # Errors
    /// `internal` if the system does not report the address.
    pub fn gateway_address(&self) -> Result<Option<Address>> {
        self.gateways.as_ref().map(Listener::address).transpose()
    }

    /// Who may create accounts.
    #[must_use]
    pub fn signup(&self) -> SignupRule {
        self.app.signup
    }

    /// A handle that replaces the endpoints while the server runs.
    #[must_use]
    pub fn endpoints(&self) -> ServedEndpoints {
        ServedEndpoints(Arc::clone(&self.app))
    }

    /// Serves requests until `stop` completes. Then no new connection is accepted, and requests in progress may finish
    /// within the shutdown timeout.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, certificates, main, gateways } = self;
        let shutdown_timeout = app.config.shutdown_timeout;
        let connections = Arc::new(Connections::new(&app));
        let max_connections = files::connection_limit(app.config.max_connections);
        let slots = || Arc::new(Semaphore::new(max_connections));
        let mut tasks = JoinSet::new();
        if let Some(certificates) = &certificates {
            tasks.spawn(Arc::clone(certificates).follow());
        }
        if let Some(gateways) = gateways {
            let routes = gateway_routes(&app);
            // Clients that fill the main address cannot use up the connections of gateways.
            tasks.spawn(accept(gateways, slots(), Arc::clone(&connections), routes, None));
        }
        tasks.spawn(accept(main, slots(), Arc::clone(&connections), routes(&app), certificates));
        stop.await;
        // Drops the listeners, which removes the Unix socket.
        tasks.shutdown().await;
        if timeout(shutdown_timeout, connections.end()).await.is_err() {
            tracing::warn!("some connections did not finish before the shutdown timeout");
        }
    }
}

/// The endpoints of a running server.
#[derive(Clone)]
pub struct ServedEndpoints(Arc<App>);

impl ServedEndpoints {
    /// Replaces the endpoints. Permits that were counted stay counted.
    pub fn replace(&self, endpoints: Endpoints) {
        self.0.replace_endpoints(endpoints);
    }
}

impl fmt::Debug for ServedEndpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedEndpoints").finish_non_exhaustive()
    }
}

async fn accept(
    listener: Listener,
    slots: Arc<Semaphore>,
    connections: Arc<Connections>,
    routes: axum::Router,
    certificates: Option<Arc<Certificates>>,
) {
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // The connection has gone already, or the system cannot open another one now.
                tracing::debug!(%error, "a connection was not accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let (connections, routes) = (Arc::clone(&connections), routes.clone());
        let acceptor = certificates.as_ref().map(|certificates| certificates.acceptor());
        tokio::spawn(async move {
            connections.serve(stream, peer, routes, acceptor).await;
            drop(slot);
        });
    }
}

impl Listener {
    async fn accept(&self) -> std::io::Result<(Box<dyn Stream>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer): (TcpStream, SocketAddr) = listener.accept().await?;
                // An error here means that the connection has gone, which the next read reports.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Peer::Address(peer.ip())))
            }
            Self::Unix(listener, _) => {
                let (stream, _): (UnixStream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer::Unix))
            }
        }
    }

    fn address(&self) -> Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp).map_err(GatekeeperError::internal),
            Self::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // If another process has replaced the file, its socket is removed too, as after a crash.
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn tcp(host: &str, port: u16) -> Result<Listener> {
    let rejected = |error: std::io::Error| {
        let message = format!(
            "cannot listen on {host}, port {port}: {error}; choose another address with --host and --port"
        );
        GatekeeperError::bad_request(message).caused_by(error)
    };
    let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(rejected)?.collect();
    TcpListener::bind(addresses.as_slice()).await.map(Listener::Tcp).map_err(rejected)
}

/// Binds a Unix socket. A stale socket file of a server that has stopped is replaced.
fn unix(path: PathBuf) -> Result<Listener> {
    if is_left_over(&path) {
        let _ = std::fs::remove_file(&path);
    }
    let bound = UnixListener::bind(&path).and_then(|listener| {
        std::fs::set_permissions(&path, Permissions::from_mode(SOCKET_MODE))?;
        Ok(listener)
    });
    match bound {
        Ok(listener) => Ok(Listener::Unix(listener, path)),
        Err(error) => {
            let message = format!("cannot listen on the Unix socket \"{}\": {error}", path.display());
            Err(GatekeeperError::bad_request(message).caused_by(error))
        }
    }
}

fn is_left_over(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let is_socket = path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}
