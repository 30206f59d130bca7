//! A connection, with bounds on the size and time of what a client sends.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::app::App;
use super::client_address::Peer;
use super::export::SendTimeout;

/// The maximum length of the request line and headers together, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The maximum number of headers.
const MAX_HEADERS: usize = 100;

/// A stream of any kind of connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection, counted until it is dropped.
struct OpenConnection<'a>(&'a IntGauge);

impl<'a> OpenConnection<'a> {
    fn counted(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The connections of a server.
pub(crate) struct Connections {
    app: Arc<App>,
    http: http1::Builder,
    header_timeout: Duration,
    body_timeout: Duration,
    /// `None` once the server is shutting down.
    ending: Mutex<Option<GracefulShutdown>>,
}

impl Connections {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(app.config.header_timeout)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .half_close(false);
        Self {
            header_timeout: app.config.header_timeout,
            body_timeout: app.config.body_timeout,
            app: Arc::clone(app),
            http,
            ending: Mutex::new(Some(GracefulShutdown::new())),
        }
    }

    /// Serves one connection until it ends.
    pub(crate) async fn serve(
        &self,
        stream: Box<dyn Stream>,
        peer: Peer,
        routes: Router,
        acceptor: Option<TlsAcceptor>,
    ) {
        let _open = OpenConnection::counted(&self.app.metrics.connections);
        let is_whole = match acceptor {
            None => self.respond(stream, peer, routes).await,
            Some(acceptor) => match timeout(self.header_timeout, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.respond(Box::new(stream), peer, routes).await,
                _ => false,
            },
        };
        if !is_whole {
            self.app.metrics.connection_errors.inc();
        }
    }

    async fn respond(&self, stream: Box<dyn Stream>, peer: Peer, routes: Router) -> bool {
        let mut stream = TimeoutStream::new(stream);
        // A client that reads nothing of a response for this long is disconnected. What it sends has timeouts of its
        // own.
        stream.set_write_timeout(Some(self.body_timeout));
        let (send_timeout, mut time) = watch::channel(None);
        let send_timeout = Arc::new(send_timeout);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let (routes, send_timeout) = (routes.clone(), Arc::clone(&send_timeout));
            async move {
                set(&send_timeout, None);
                let response = routes.oneshot(request.map(Body::new)).await?;
                set(&send_timeout, response.extensions().get().map(|SendTimeout(time)| *time));
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let watched = self.ending().as_ref().map(|ending| ending.watch(connection));
        match watched {
            Some(connection) => tokio::select! {
                served = connection => served.is_ok(),
                () = elapsed(&mut time) => {
                    tracing::warn!("a connection was closed: its client took too long to read an export");
                    false
                }
            },
            // The connection was accepted during shutdown.
            None => true,
        }
    }

    /// Closes every connection after its current response.
    pub(crate) async fn end(&self) {
        let ending = self.ending().take();
        if let Some(ending) = ending {
            ending.shutdown().await;
        }
    }

    fn ending(&self) -> std::sync::MutexGuard<'_, Option<GracefulShutdown>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets the timeout of the current response.
fn set(send_timeout: &watch::Sender<Option<Duration>>, time: Option<Duration>) {
    send_timeout.send_if_modified(|current| std::mem::replace(current, time) != time);
}

/// Completes when the timeout of the current response has elapsed.
async fn elapsed(time: &mut watch::Receiver<Option<Duration>>) {
    loop {
        let at_hand = *time.borrow_and_update();
        let changed = match at_hand {
            None => time.changed().await,
            Some(at_hand) => match timeout(at_hand, time.changed()).await {
                Ok(changed) => changed,
                Err(_) => return,
            },
        };
        if changed.is_err() {
            // The connection has ended, and `respond` awaits it.
            return pending().await;
        }
    }
}
