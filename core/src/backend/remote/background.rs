//! The thread on which requests run, and the connections that they share. Both belong to one process. After a fork, the
//! child starts its own and leaks the inherited ones: closing them would wait for a thread that does not exist in the
//! child.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::mem::forget;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Handle};
use tokio::task::{AbortHandle, JoinHandle};

use super::proxy::Proxy;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::fork::{self, ForkGuards, ForkSafe, lock};

/// The time after which an idle connection is closed. It is shorter than that of servers and proxies, so that they do not
/// close a connection just when it is used again.
const IDLE: Duration = Duration::from_secs(10);
/// The maximum number of concurrent DNS look-ups. Their threads end when they are idle.
const MAX_LOOKUPS: usize = 4;
/// The maximum number of cached clients, one per proxy.
const MAX_CLIENTS: usize = 16;
const THREAD: &str = "gatekeeper-http";

struct Background {
    /// The process that started the thread.
    generation: u64,
    runtime: Handle,
    clients: HashMap<Connection, Client>,
}

/// The key of a client. A client with TLS reads the CA certificates of the machine, which may be missing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    pub(super) is_tls: bool,
    pub(super) proxy: Option<Proxy>,
}

struct Running(Mutex<Option<Background>>);

static RUNNING: Running = Running(Mutex::new(None));

impl ForkSafe for Running {
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.0)));
    }
}

/// Calls a function with the background thread of this process, which is started if necessary.
fn with<T>(use_it: impl FnOnce(&mut Background) -> Result<T>) -> Result<T> {
    // Before the lock is acquired: a fork locks the registry before this one.
    fork::register_list(&RUNNING);
    let mut running = lock(&RUNNING.0);
    let generation = fork::generation();
    if let Some(inherited) = running.take_if(|running| running.generation != generation) {
        forget(inherited);
    }
    let started = match &mut *running {
        Some(started) => started,
        none => none.insert(Background { generation, runtime: start()?, clients: HashMap::new() }),
    };
    use_it(started)
}

fn start() -> Result<Handle> {
    let failed =
        |error| GatekeeperError::unavailable("no thread could be started for requests").caused_by(error);
    let mut builder = Builder::new_current_thread();
    // DNS look-ups block a thread, so they have their own.
    builder.enable_io().enable_time().thread_name(THREAD).max_blocking_threads(MAX_LOOKUPS);
    let runtime = builder.build().map_err(failed)?;
    let handle = runtime.handle().clone();
    let serve = move || runtime.block_on(pending::<()>());
    thread::Builder::new().name(THREAD.to_owned()).spawn(serve).map_err(failed)?;
    Ok(handle)
}

/// The client for all servers with this key.
///
/// # Errors
/// `service_unavailable` for a client with TLS, if the machine has no CA certificates.
pub(super) fn client(connection: &Connection) -> Result<Client> {
    with(|running| {
        if let Some(client) = running.clients.get(connection) {
            return Ok(client.clone());
        }
        // The client creates timers and connections, which need the runtime.
        let _inside = running.runtime.enter();
        let builder = Client::builder().redirect(Policy::none()).pool_idle_timeout(IDLE).referer(false);
        let builder = match &connection.proxy {
            Some(proxy) => builder.proxy(proxy.rule()?),
            None => builder.no_proxy(),
        };
        let is_tls = connection.is_tls || connection.proxy.as_ref().is_some_and(Proxy::is_tls);
        let builder = if is_tls { builder } else { builder.tls_certs_only([]) };
        let client = builder.build().map_err(|error| {
            GatekeeperError::unavailable(
                "TLS cannot be used: has this machine no CA certificates? Install ca-certificates, or set SSL_CERT_FILE",
            )
            .caused_by(error)
        })?;
        if running.clients.len() >= MAX_CLIENTS {
            // Requests in progress keep their client.
            running.clients.clear();
        }
        running.clients.insert(connection.clone(), client.clone());
        Ok(client)
    })
}

/// Runs `work` on the thread of requests. Dropping the returned future cancels it.
pub(super) fn run<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<Run<T>> {
    with(|running| Ok(Run { generation: running.generation, task: Some(running.runtime.spawn(work)) }))
}

/// Work that runs on the thread of requests.
pub(super) struct Run<T> {
    generation: u64,
    task: Option<JoinHandle<T>>,
}

impl<T> Future for Run<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if self.generation != fork::generation() {
            return Poll::Ready(Err(GatekeeperError::new(
                ErrorKind::ConnectionFailed,
                "the process was forked during this call: its response goes to the parent",
            )));
        }
        let Some(task) = &mut self.task else { return Poll::Pending };
        let done = ready!(Pin::new(task).poll(context));
        self.task = None;
        Poll::Ready(done.map_err(GatekeeperError::internal))
    }
}

impl<T> Drop for Run<T> {
    fn drop(&mut self) {
        match self.task.take() {
            Some(task) if self.generation == fork::generation() => task.abort(),
            inherited => forget(inherited),
        }
    }
}

/// Runs `work` on the thread of requests. It must not block.
///
/// # Errors
/// `service_unavailable` if no thread can be started.
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Result<Spawned> {
    with(|running| {
        let task = running.runtime.spawn(work);
        Ok(Spawned { generation: running.generation, task: task.abort_handle() })
    })
}

/// Work on the thread of requests. It goes on when this is dropped.
#[derive(Debug)]
pub(crate) struct Spawned {
    generation: u64,
    task: AbortHandle,
}

impl Spawned {
    /// Cancels the work, if it is not finished and belongs to this process.
    pub(crate) fn abort(&self) {
        if self.generation == fork::generation() {
            self.task.abort();
        }
    }
}
