//! What both clients have in common: opening a backend, and handles on it with another credential or client address.

/// Adds the shared methods to a client, a struct of one [`AnyBackend`](crate::backend::AnyBackend).
macro_rules! handle_methods {
    () => {
        /// Opens a database by its URL: `memory:` (a new database each time), `sqlite:PATH`, a plain path, or the
        /// `http://` or `https://` URL of a Gatekeeper server.
        ///
        /// A file is opened on first use, and created if it does not exist ([`create`](crate::Options::create)), readable
        /// by its owner alone. All processes of the machine that open it share its limits. A server gets no request before
        /// the first call either. Its URL may have a path (`https://example.com/gatekeeper`), but no credential, query or
        /// fragment; the proxies of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) are used. An
        /// embedded database is called as the operator, a server anonymously.
        ///
        /// # Errors
        /// `bad_request` for any other URL.
        pub fn open(url: &str) -> crate::Result<Self> {
            Self::open_with(url, crate::Options::default())
        }

        /// Opens a database with options. If the file is already open in this process, the sizes of its caches stay.
        ///
        /// # Errors
        /// `bad_request` for any other URL, for an option out of range, for a manual clock with a file, and for an option
        /// that a server decides for itself.
        pub fn open_with(url: &str, options: crate::Options) -> crate::Result<Self> {
            crate::backend::AnyBackend::open(url, options).map(Self)
        }

        /// The same backend, called with a root key: for its one tenant. Each call validates the key.
        #[must_use]
        pub fn with_root_key(&self, root_key: &crate::Secret) -> Self {
            Self(self.0.with_root_key(&crate::Secret::of_setting(root_key.expose())))
        }

        /// The same backend, called with a `Bearer` credential: a user's access token, an API key or a root key. Each call
        /// validates it.
        #[must_use]
        pub fn with_token(&self, token: &crate::Secret) -> Self {
            Self(self.0.with_token(&crate::Secret::of_setting(token.expose())))
        }

        /// The same backend, called without a credential: it may sign up, log in, and validate the keys it holds.
        #[must_use]
        pub fn anonymous(&self) -> Self {
            Self(self.0.anonymous())
        }

        /// The same backend, called by the operator, who may do everything. An embedded database is opened like this.
        ///
        /// # Errors
        /// `bad_request` for a server.
        pub fn operator(&self) -> crate::Result<Self> {
            self.0.operator().map(Self)
        }

        /// The same backend with other endpoints for [`VerifyApiKey`](crate::keys::VerifyApiKey). A server keeps its own.
        #[must_use]
        pub fn with_endpoints(&self, endpoints: crate::Endpoints) -> Self {
            Self(self.0.with_endpoints(endpoints))
        }

        /// The same backend, called on behalf of a client. Failed logins and unknown keys are counted by its address; an
        /// IPv6 network of 64 bits counts as one address. A server counts by the address that it sees.
        #[must_use]
        pub fn with_client_address(&self, client_address: &str) -> Self {
            Self(self.0.with_client_address(client_address))
        }

        /// The former name of [`with_client_address`](Self::with_client_address).
        #[deprecated(note = "renamed to `with_client_address`")]
        #[must_use]
        pub fn from_source(&self, source: &str) -> Self {
            self.with_client_address(source)
        }

        /// Whether the backend is a server: every call then waits for the network.
        #[must_use]
        pub fn is_remote(&self) -> bool {
            self.0.is_remote()
        }
    };
}

pub(crate) use handle_methods;
