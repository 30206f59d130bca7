//! A verifier on either backend.

use std::sync::Arc;

use futures_channel::oneshot;

#[cfg(feature = "remote")]
use super::remote::RemoteVerifier;
use super::{Started, StartedVerification};
use crate::database::OpenDatabase;
use crate::error::{GatekeeperError, Result};
#[cfg(feature = "remote")]
use crate::verify::tenants_of_root_key;
use crate::verify::{Begun, EmbeddedVerifier, EndpointRef, Tenants, Verdict, VerifyOptions, Waiting};

/// The verifier of a backend.
#[derive(Clone)]
pub(crate) enum AnyVerifier {
    /// It keeps the database open.
    Embedded(EmbeddedVerifier, OpenDatabase),
    #[cfg(feature = "remote")]
    Remote(RemoteVerifier),
}

impl From<(EmbeddedVerifier, OpenDatabase)> for AnyVerifier {
    fn from((verifier, database): (EmbeddedVerifier, OpenDatabase)) -> Self {
        Self::Embedded(verifier, database)
    }
}

#[cfg(feature = "remote")]
impl From<RemoteVerifier> for AnyVerifier {
    fn from(verifier: RemoteVerifier) -> Self {
        Self::Remote(verifier)
    }
}

impl AnyVerifier {
    /// The same verifier for the keys of other tenants.
    ///
    /// # Errors
    /// `bad_request` with a root key, and for a server.
    pub(crate) fn with_tenants(self, tenants: Tenants) -> Result<Self> {
        match self {
            Self::Embedded(verifier, database) => {
                Ok(Self::Embedded(verifier.with_tenants(tenants)?, database))
            }
            #[cfg(feature = "remote")]
            Self::Remote(_) => Err(tenants_of_root_key()),
        }
    }

    /// Verifies a key as far as that needs no I/O.
    #[inline]
    pub(crate) fn start<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: EndpointRef<'_>,
        variables: &[V],
        options: &VerifyOptions<'_>,
    ) -> Result<StartedVerification> {
        match self {
            Self::Embedded(verifier, database) => {
                let begun = verifier.begin(key, endpoint, variables, options)?;
                match begun {
                    Begun::Done(verdict) => Ok(Started::Done(verdict)),
                    Begun::Waits(waiting) => Ok(started(waiting, Arc::clone(database))),
                }
            }
            #[cfg(feature = "remote")]
            Self::Remote(verifier) => Ok(verifier.start(key, endpoint, variables, options)),
        }
    }
}

/// A verification that must wait. It keeps the database open.
#[cold]
fn started(waiting: Box<Waiting>, database: OpenDatabase) -> StartedVerification {
    if waiting.awaits_reply() {
        return Started::awaited(reply(waiting, database));
    }
    Started::on_disk(move || match waiting.advance()? {
        Begun::Done(verdict) => Ok(Started::Done(verdict)),
        Begun::Waits(waiting) => Ok(started(waiting, database)),
    })
}

/// The verdict of counters that reply later.
async fn reply(waiting: Box<Waiting>, database: OpenDatabase) -> Result<Verdict> {
    let (sender, verdict) = oneshot::channel();
    // Sending fails if the caller no longer waits.
    waiting.ask(move |verdict| drop(sender.send(verdict)))?;
    let verdict = verdict.await;
    drop(database);
    verdict.unwrap_or_else(|_| Err(GatekeeperError::unavailable("the counters did not reply: try again")))
}
