//! A call that has begun.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::error::Result;
use crate::verify::Verdict;

/// A call that has begun: it has a result, or the rest of it must wait. For SDKs and servers, which decide where it waits.
#[derive(Debug)]
#[must_use]
pub enum Started<T> {
    /// The result.
    Done(T),
    /// The rest of the call.
    Pending(Pending<T>),
}

/// The rest of a call, with everything that is known so far. It is not run if this is dropped.
#[must_use]
pub struct Pending<T>(Kind<T>);

/// A verification that has begun.
pub type StartedVerification = Started<Verdict>;
/// The rest of a verification.
pub type PendingVerification = Pending<Verdict>;

enum Kind<T> {
    /// It waits for the disk on the thread that runs it.
    Disk(Box<dyn FnOnce() -> Result<Started<T>> + Send>),
    /// It awaits a reply.
    Reply(Pin<Box<dyn Future<Output = Result<T>> + Send>>),
}

impl<T> Started<T> {
    /// A call whose rest may wait for the disk, and may then have to await a reply.
    pub(crate) fn on_disk(rest: impl FnOnce() -> Result<Self> + Send + 'static) -> Self {
        Self::Pending(Pending(Kind::Disk(Box::new(rest))))
    }

    /// A call whose rest awaits the reply of a server.
    pub(crate) fn awaited(rest: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self::Pending(Pending(Kind::Reply(Box::pin(rest))))
    }
}

impl<T> Pending<T> {
    /// Whether it only awaits a reply, so that no thread waits.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self.0, Kind::Reply(_))
    }

    /// Waits for the disk, where that is next: the result, or what must be awaited then.
    pub(crate) fn advance(self) -> Result<Started<T>> {
        match self.0 {
            Kind::Disk(rest) => rest(),
            Kind::Reply(_) => Ok(Started::Pending(self)),
        }
    }

    /// The result. With a database, the future blocks the thread that polls it; with a server, it awaits.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn finish(self) -> Result<T> {
        let mut rest = self;
        loop {
            match rest.0 {
                Kind::Reply(reply) => return reply.await,
                Kind::Disk(disk) => match disk()? {
                    Started::Done(output) => return Ok(output),
                    Started::Pending(next) => rest = next,
                },
            }
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("is_awaited", &self.is_awaited()).finish_non_exhaustive()
    }
}
