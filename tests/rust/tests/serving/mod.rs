//! A server in this process, on a place that the test opened.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use gatekeeper::Gatekeeper;
use gatekeeper_server::http::{Config, app};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// A server, stopped when it is dropped.
pub struct Serving {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The place that is served, as whoever runs it.
    pub operator: Gatekeeper,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Serves this place.
    pub fn new(operator: Gatekeeper) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let place = operator.clone();
        let serve = move || {
            let service = app(place, Config::default()).into_make_service_with_connect_info::<SocketAddr>();
            runtime.block_on(async {
                tokio::select! {
                    served = async { axum::serve(listener, service).await } => served.unwrap(),
                    _ = stopped => (),
                }
            });
        };
        let thread = thread::spawn(serve);
        Self { url, operator, stop: Some(stop), thread: Some(thread) }
    }

    /// Serves a place in memory.
    pub fn in_memory() -> Self {
        Self::new(Gatekeeper::open("memory:").unwrap())
    }

    /// The served place over HTTP, used by nobody in particular.
    pub fn remote(&self) -> Gatekeeper {
        Gatekeeper::open(&self.url).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}
