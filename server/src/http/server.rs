//! The server: its addresses, its connections, its end.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatekeeper::{Endpoints, Gatekeeper, GatekeeperError, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::app::{App, gateway_routes, routes};
use super::client_address::Peer;
use super::config::{Address, Config, Listen};
use super::connection::Connections;
use super::files;
use super::signup::SignupRule;
use super::tls::Certificates;

/// For the owner and the group of the process: whoever may connect may be trusted as a proxy.
const SOCKET_MODE: u32 = 0o660;
/// How long accepting pauses where the machine has no more files or memory for a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// A place that is served, at the addresses it listens on.
pub struct Server {
    app: Arc<App>,
    certificates: Option<Arc<Certificates>>,
    main: Listener,
    gateways: Option<Listener>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Server {
    /// Listens: `listen` for everybody, `check` for gateways. Nothing is answered before [`run`](Self::run).
    ///
    /// # Errors
    /// `bad_request` for an address that cannot be listened on, and for a certificate that cannot be used;
    /// `service_unavailable` where the place cannot be opened.
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

    /// Where it can be reached.
    ///
    /// # Errors
    /// `internal` where the system does not say.
    pub fn address(&self) -> Result<Address> {
        let address = self.main.address()?;
        Ok(match address {
            Address::Tcp(address) if self.certificates.is_some() => Address::Tls(address),
            address => address,
        })
    }

    /// Where gateways can reach it.
    ///
    /// # Errors
    /// `internal` where the system does not say.
    pub fn gateway_address(&self) -> Result<Option<Address>> {
        self.gateways.as_ref().map(Listener::address).transpose()
    }

    /// Who may make accounts.
    #[must_use]
    pub fn signup(&self) -> SignupRule {
        self.app.signup
    }

    /// What verifies against other endpoints from then on.
    #[must_use]
    pub fn endpoints(&self) -> ServedEndpoints {
        ServedEndpoints(Arc::clone(&self.app))
    }

    /// Serves until `stop` ends. Then nobody is let in any more, and what has begun is answered, for as long as the
    /// configuration says.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, certificates, main, gateways } = self;
        let patience = app.config.shutdown_timeout;
        let connections = Arc::new(Connections::new(&app));
        let most = files::leave_some(app.config.max_connections);
        let slots = || Arc::new(Semaphore::new(most));
        let mut tasks = JoinSet::new();
        if let Some(certificates) = &certificates {
            tasks.spawn(Arc::clone(certificates).follow());
        }
        if let Some(gateways) = gateways {
            let routes = gateway_routes(&app);
            // Who fills the address of everybody takes none from gateways.
            tasks.spawn(accept(gateways, slots(), Arc::clone(&connections), routes, None));
        }
        tasks.spawn(accept(main, slots(), Arc::clone(&connections), routes(&app), certificates));
        stop.await;
        // Drops the listeners, and the Unix socket with them.
        tasks.shutdown().await;
        if timeout(patience, connections.end()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

/// The endpoints of a server that runs.
#[derive(Clone)]
pub struct ServedEndpoints(Arc<App>);

impl ServedEndpoints {
    /// Verifies against these from now on. What was counted stays counted.
    pub fn replace(&self, endpoints: Endpoints) {
        self.0.replace_endpoints(endpoints);
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
                // Of one connection that is gone already, or of a machine that has no room for another now.
                tracing::debug!(%error, "not accepted");
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

/// A connection of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener {
    async fn accept(&self) -> std::io::Result<(Box<dyn Stream>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer): (TcpStream, SocketAddr) = listener.accept().await?;
                // A connection that is gone already says so soon enough.
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
            // Whoever replaced the file has one of their own there; it is gone then, as it would be after a crash.
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn tcp(host: &str, port: u16) -> Result<Listener> {
    let rejected = |error: std::io::Error| {
        let message =
            format!("cannot listen on {host}, port {port}: {error}; choose another with --host and --port");
        GatekeeperError::bad_request(message).caused_by(error)
    };
    let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(rejected)?.collect();
    TcpListener::bind(addresses.as_slice()).await.map(Listener::Tcp).map_err(rejected)
}

/// A socket at `path`. One that is left over from a server that is gone is replaced.
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
