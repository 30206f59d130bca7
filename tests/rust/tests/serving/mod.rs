//! A server in this process, on a place that the test opened.

use std::thread::{self, JoinHandle};

use gatekeeper::Gatekeeper;
use gatekeeper_server::http::{Config, Listen, Server};
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
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listen = Listen::Tcp("127.0.0.1".to_owned(), 0);
        let server = runtime.block_on(Server::bind(&operator, Config::default(), listen, None)).unwrap();
        let url = server.address().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || runtime.block_on(server.run(async { drop(stopped.await) }));
        let thread = thread::spawn(serve);
        Self { url, operator, stop: Some(stop), thread: Some(thread) }
    }

    /// Serves a place in memory.
    #[allow(dead_code, reason = "not every test has a use for it")]
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
