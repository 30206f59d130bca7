//! Methods of a client for servers and SDKs, which programs do not need.

use std::path::PathBuf;
use std::sync::Arc;

use super::Gatekeeper;
use crate::authz::Attribution;
use crate::backend::{AnyBackend, Backend as _, CredentialCache, Started, StartedVerification};
use crate::error::Result;
use crate::guard::PresentedCredential;
use crate::operation::{Operation, OperationDescriptor, Request};
use crate::verify::{CacheStats, VerdictCounters};

impl Gatekeeper {
    /// The same backend, called with the credential of a request. A root key is kept in `cache`, with the version at which
    /// it was last valid.
    #[doc(hidden)]
    #[must_use]
    pub fn presenting(&self, credential: PresentedCredential<'_>, cache: &CredentialCache) -> Self {
        Self(self.0.presenting(credential, cache))
    }

    /// The same backend; its verdicts are counted in `counters`. A server counts its own.
    #[doc(hidden)]
    #[must_use]
    pub fn with_verdict_counters(&self, counters: Arc<VerdictCounters>) -> Self {
        Self(self.0.with_verdict_counters(counters))
    }

    /// The same backend; the principal of each call is written to `attribution`, for a log. A server logs its own.
    #[doc(hidden)]
    #[must_use]
    pub fn with_attribution(&self, attribution: &Arc<Attribution>) -> Self {
        Self(self.0.with_attribution(attribution))
    }

    /// The same backend; its calls may create neither an account nor a tenant. A server decides for itself.
    #[doc(hidden)]
    #[must_use]
    pub fn with_closed_signup(&self) -> Self {
        Self(self.0.with_closed_signup())
    }

    /// The numbers of cache entries. Zero for a server, which has its own caches.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        self.0.cache_stats()
    }

    /// The former name of [`cache_stats`](Self::cache_stats).
    #[deprecated(note = "renamed to `cache_stats`")]
    #[must_use]
    pub fn remembering(&self) -> CacheStats {
        self.cache_stats()
    }

    /// The number of valid keys that this process has rejected because the operator does not accept their tenants: see
    /// [`Tenants`](crate::Tenants). A server counts its own.
    #[must_use]
    pub fn other_tenants_rejected(&self) -> u64 {
        self.0.other_tenants_rejected()
    }

    /// Whether [`take_warning`](Self::take_warning) returns a warning. It is cheap.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn has_warning(&self) -> bool {
        self.0.has_warning()
    }

    /// A warning for the operator, such as that a secret was created in a file next to the database. Each is returned once
    /// per process, and also logged.
    #[doc(hidden)]
    #[must_use]
    pub fn take_warning(&self) -> Option<String> {
        self.0.take_warning()
    }

    /// The database file, if this process has just created it; returned once, and logged as the event `created`. A mistyped
    /// path is created too, unless [`create`](crate::Options::create) is false.
    #[doc(hidden)]
    #[must_use]
    pub fn take_created(&self) -> Option<PathBuf> {
        self.0.take_created()
    }

    /// [`call`](Self::call) as far as it needs no I/O.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    #[doc(hidden)]
    pub fn start<O: Operation>(&self, operation: O) -> Result<Started<O::Output>> {
        self.0.start(operation)
    }

    /// [`dispatch`](Self::dispatch) as far as it needs no I/O.
    ///
    /// # Errors
    /// As for [`dispatch`](Self::dispatch).
    #[doc(hidden)]
    pub fn start_dispatch(
        &self,
        descriptor: &'static OperationDescriptor,
        request: Request<'_>,
    ) -> Result<Started<String>> {
        self.0.start_dispatch(descriptor, request)
    }

    /// [`validate`](Self::validate) as far as that needs no I/O.
    ///
    /// # Errors
    /// As for [`validate`](Self::validate).
    #[doc(hidden)]
    pub fn start_validation(&self, key: &str) -> Result<StartedVerification> {
        self.0.start_validation(key)
    }

    /// The backend. An SDK runs its futures on its own threads.
    #[doc(hidden)]
    #[must_use]
    pub fn backend(&self) -> &AnyBackend {
        &self.0
    }
}
