//! A server in this process, on a database that the test has opened.

use std::thread::{self, JoinHandle};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper_server::http::{Config, Listen, Server};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// A server, stopped when it is dropped.
pub struct Serving {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The client of the served database, for the operator.
    pub operator: Gatekeeper,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Serves the database of `gatekeeper`.
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

    /// Serves a memory database.
    #[allow(dead_code, reason = "not every test has a use for it")]
    pub fn in_memory() -> Self {
        Self::new(Gatekeeper::open("memory:").unwrap())
    }

    /// An anonymous client of the server.
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
