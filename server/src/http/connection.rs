//! One connection: bounded in what it may send, and in the time it may take for it.

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
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::app::App;
use super::client_address::Peer;
use super::export::SendWithin;
use super::server::Stream;

/// The longest request line and headers together, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most headers.
const MAX_HEADERS: usize = 100;

/// A connection that is counted as open until it is dropped.
struct Open<'a>(&'a IntGauge);

impl<'a> Open<'a> {
    fn counted(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open<'_> {
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
    /// None once the server ends.
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

    /// Answers what comes by one connection, until it ends.
    pub(crate) async fn serve(
        &self,
        stream: Box<dyn Stream>,
        peer: Peer,
        routes: Router,
        acceptor: Option<TlsAcceptor>,
    ) {
        let _open = Open::counted(&self.app.metrics.connections);
        let is_whole = match acceptor {
            None => self.answer(stream, peer, routes).await,
            Some(acceptor) => match timeout(self.header_timeout, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.answer(Box::new(stream), peer, routes).await,
                _ => false,
            },
        };
        if !is_whole {
            self.app.metrics.connection_errors.inc();
        }
    }

    async fn answer(&self, stream: Box<dyn Stream>, peer: Peer, routes: Router) -> bool {
        let mut stream = TimeoutStream::new(stream);
        // A client that takes no part of an answer for so long is not waited for. What it sends is timed elsewhere.
        stream.set_write_timeout(Some(self.body_timeout));
        let (send_within, mut time) = watch::channel(None);
        let send_within = Arc::new(send_within);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let (routes, send_within) = (routes.clone(), Arc::clone(&send_within));
            async move {
                set(&send_within, None);
                let answer = routes.oneshot(request.map(Body::new)).await?;
                set(&send_within, answer.extensions().get().map(|SendWithin(time)| *time));
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let watched = self.ending().as_ref().map(|ending| ending.watch(connection));
        match watched {
            Some(connection) => tokio::select! {
                answered = connection => answered.is_ok(),
                () = elapsed(&mut time) => {
                    tracing::warn!("a connection was closed: its client took too long to read an export");
                    false
                }
            },
            // Accepted as the server ended.
            None => true,
        }
    }

    /// Ends every connection after what it is being answered.
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

/// Says for how long the answer at hand may be sent from now on.
fn set(send_within: &watch::Sender<Option<Duration>>, time: Option<Duration>) {
    send_within.send_if_modified(|current| std::mem::replace(current, time) != time);
}

/// Ends when the time of the answer at hand is over.
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
            // The connection has ended, and is awaited.
            return pending().await;
        }
    }
}
