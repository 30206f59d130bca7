//! A verifier on either backend.

use crate::database::OpenDatabase;
use crate::error::Result;
#[cfg(feature = "remote")]
use crate::verify::tenants_of_root_key;
use crate::verify::{EmbeddedVerifier, Tenants, Verdict};

#[cfg(feature = "remote")]
use super::remote::RemoteVerifier;

/// The verifier of a backend.
#[derive(Clone)]
pub(crate) enum AnyVerifier {
    /// It keeps the database open.
    Embedded(EmbeddedVerifier, OpenDatabase),
    #[cfg(feature = "remote")]
    Remote(RemoteVerifier),
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

    /// The verdict, if it needs no I/O.
    #[inline]
    pub(crate) fn try_verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Option<Verdict>> {
        match self {
            Self::Embedded(verifier, _) => verifier.try_verify(key, endpoint, variables),
            #[cfg(feature = "remote")]
            Self::Remote(_) => Ok(None),
        }
    }

    /// The verdict. A future of an embedded backend waits for the disk on the thread that polls it.
    #[cfg_attr(not(feature = "remote"), allow(clippy::unused_async, reason = "only a server is awaited"))]
    pub(crate) async fn verify<V: AsRef<str>>(
        &self,
        key: &str,
        endpoint: &str,
        variables: &[V],
    ) -> Result<Verdict> {
        match self {
            Self::Embedded(verifier, _) => verifier.verify(key, endpoint, variables),
            #[cfg(feature = "remote")]
            Self::Remote(verifier) => verifier.verify(key, endpoint, variables).await,
        }
    }
}
