//! Counters that reply 5 ms later from a thread of their own, as those of another machine do. For tests.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::memory::MemoryCounters;
use super::{Reply, SlotName};
use crate::clock::Now;
use crate::error::{GatekeeperError, Result};
use crate::window::{Acquired, Limit, Request};

const DELAY: Duration = Duration::from_millis(5);

/// Counters behind a connection, whose replies one thread receives.
pub(crate) struct ReplyingCounters(Sender<Asked>);

struct Asked {
    due: Instant,
    name: SlotName,
    now: Now,
    limit: Limit,
    cost: u32,
    keep_ms: u64,
    reply: Reply,
}

impl ReplyingCounters {
    #[allow(clippy::disallowed_methods, reason = "the delay is real")]
    pub(crate) fn new() -> Self {
        let (sender, asked) = channel::<Asked>();
        thread::spawn(move || {
            let counters = MemoryCounters::new();
            for Asked { due, name, now, limit, cost, keep_ms, reply } in asked {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let request = Request { limit, shorter: &[], cost, keep_ms };
                reply(Ok(counters.acquire(name, now.boot_ms, &request)));
            }
        });
        Self(sender)
    }

    #[allow(clippy::disallowed_methods, reason = "the delay is real")]
    pub(super) fn ask(&self, name: SlotName, now: Now, request: &Request<'_>, reply: Reply) {
        let Request { limit, cost, keep_ms, .. } = *request;
        let _ = self.0.send(Asked { due: Instant::now() + DELAY, name, now, limit, cost, keep_ms, reply });
    }

    pub(super) fn wait_for(&self, name: SlotName, now: Now, request: &Request<'_>) -> Result<Acquired> {
        let (sender, reply) = channel();
        self.ask(name, now, request, Box::new(move |acquired| drop(sender.send(acquired))));
        reply.recv().map_err(GatekeeperError::internal)?
    }
}
