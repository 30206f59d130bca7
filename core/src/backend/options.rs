//! The options of a Gatekeeper.

mod json;

use std::time::Duration;

#[cfg(feature = "remote")]
use super::remote::HttpOptions;
use crate::authz::KeyImports;
use crate::clock::Clock;
use crate::error::{GatekeeperError, Result};
use crate::identity::SigningAlgorithm;
use crate::limit::Endpoints;
use crate::secret::Secret;
use crate::verify::CacheSizes;
use crate::whole::Range;

/// The options with which a database or a server is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The number of keys to cache, 0 to 100,000,000. A plain key takes about 180 bytes; one with more than 1 KiB
    /// of roles, scopes and metadata counts once per KiB. Defaults to 1,000,000, which is at most about 1 GiB.
    pub cache_keys: usize,
    /// The number of unknown keys' digests to cache, separately from the keys; 0 to 100,000,000. Defaults to
    /// 100,000.
    pub cache_unknown_keys: usize,
    /// Whether to create a database file that does not exist. If not, every call fails with `service_unavailable`
    /// until the file exists: for programs whose database is created by `gatekeeper init`. Applies to every client
    /// that opens the file in this process. Defaults to true.
    pub create: bool,
    /// The clock. A manual clock is only available with `memory:`. Defaults to the system clock.
    pub clock: Clock,
    /// The secret that seals the signing keys, authenticates cursors and derives refresh tokens: at least 16 bytes,
    /// the same in every process. Defaults to the environment variable `GATEKEEPER_SECRET`, then to a file next to
    /// the database that only its owner can read; for `memory:` to a random secret.
    pub secret: Option<Secret>,
    /// The previous secret, while the secret is rotated. What it sealed can still be opened, and is sealed again
    /// with [`secret`](Self::secret). Defaults to the environment variable `GATEKEEPER_SECRET_PREVIOUS`, then to
    /// none.
    pub previous_secret: Option<Secret>,
    /// The `iss` of access tokens. Defaults to `gatekeeper`.
    pub issuer: String,
    /// The `aud` of access tokens. Defaults to `gatekeeper`.
    pub audience: String,
    /// Further values that the `aud` of a token from [`IssueKeyToken`](crate::keys::IssueKeyToken) may have, besides
    /// `audience`. Anyone who holds a key can choose among them. Defaults to none.
    pub token_audiences: Vec<String>,
    /// The algorithm that tokens are signed with. Defaults to `EdDSA`.
    pub signing_algorithm: SigningAlgorithm,
    /// How long repeating the exchange of a refresh token returns the same new token; zero for never. Defaults to 10
    /// seconds.
    pub refresh_grace: Duration,
    /// The maximum lifetime of a session in days, 1 to 3,650, however often it gets new tokens. Defaults to 90.
    pub session_days: u32,
    /// The maximum number of concurrent sessions of a user, 1 to 10,000. A further login ends the least recently
    /// used one. Defaults to 100.
    pub sessions_per_user: u32,
    /// How many days usage events are kept, 1 to 36,500. Recording new events deletes older ones with their
    /// idempotency keys; the totals are kept. Defaults to none: events are kept forever.
    pub usage_retention_days: Option<u32>,
    /// The maximum number of sign-ups from one client address in a minute, at least 1. Like the limits below, it
    /// applies to calls that carry a client address. Defaults to 20.
    pub signups_per_minute: u32,
    /// The maximum number of refresh tokens that one client address may exchange in a minute, at least 1. Defaults
    /// to 60.
    pub refreshes_per_minute: u32,
    /// The maximum number of invalid API keys that one client address may send in a minute, at least 1. It never
    /// rejects a valid key, and does not apply to an address that sends a valid root key with the call. Defaults to
    /// 60.
    pub wrong_keys_per_minute: u32,
    /// The maximum number of wrong passwords that one client address may send in a minute, at least 1, for any
    /// accounts. An address that an account has logged in from before is exempt for that account. Defaults to 30.
    pub wrong_passwords_per_minute: u32,
    /// Who may import keys of another product ([`ImportApiKeys`](crate::keys::ImportApiKeys)). Defaults to root keys and
    /// the operator.
    pub key_imports: KeyImports,
    /// The maximum number of distinct suffixes of one tenant's imported keys, 1 to 64. Revoked and expired keys do
    /// not count. Defaults to 2.
    pub import_suffixes_per_tenant: u32,
    /// The maximum number of distinct suffixes of all imported keys of a database, 1 to 64. An unknown key is
    /// hashed once with each of them. Defaults to 8.
    pub import_suffixes: u32,
    /// The endpoints that keys are verified against by [`VerifyApiKey`](crate::keys::VerifyApiKey). Defaults to none.
    pub endpoints: Endpoints,
    /// The timeout of a call over HTTP, including retries: more than 0, at most a day. Defaults to 10 seconds.
    pub timeout: Duration,
    /// The maximum number of retries of a call over HTTP, where retrying is safe: 0 to 10. Defaults to 2.
    pub max_retries: u32,
    /// Headers to send with every call over HTTP, by name, for proxies and gateways. Defaults to none.
    pub default_headers: Vec<(String, Secret)>,
    /// The `User-Agent` of calls over HTTP. Defaults to `gatekeeper/` and the version.
    pub user_agent: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_keys: 1_000_000,
            cache_unknown_keys: 100_000,
            create: true,
            clock: Clock::System,
            secret: secret_of_environment("GATEKEEPER_SECRET"),
            previous_secret: secret_of_environment("GATEKEEPER_SECRET_PREVIOUS"),
            issuer: "gatekeeper".to_owned(),
            audience: "gatekeeper".to_owned(),
            token_audiences: Vec::new(),
            signing_algorithm: SigningAlgorithm::default(),
            refresh_grace: Duration::from_secs(10),
            session_days: 90,
            sessions_per_user: 100,
            usage_retention_days: None,
            signups_per_minute: 20,
            refreshes_per_minute: 60,
            wrong_keys_per_minute: 60,
            wrong_passwords_per_minute: 30,
            key_imports: KeyImports::default(),
            import_suffixes_per_tenant: 2,
            import_suffixes: 8,
            endpoints: Endpoints::new(),
            timeout: Duration::from_secs(10),
            max_retries: 2,
            default_headers: Vec::new(),
            user_agent: None,
        }
    }
}

fn secret_of_environment(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| Secret::of_setting(&text))
}

/// The number of records that a cache holds.
enum CacheSize {}

impl Range for CacheSize {
    const MIN: i64 = 0;
    const MAX: i64 = 100_000_000;
}

/// How long repeating the exchange of a refresh token returns the same new token, in ms: at most a day.
enum RefreshGrace {}

impl Range for RefreshGrace {
    const MIN: i64 = 0;
    const MAX: i64 = 24 * 60 * 60 * 1000;
}

/// The longest timeout.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The number of retries of a call.
enum Retries {}

impl Range for Retries {
    const MIN: i64 = 0;
    const MAX: i64 = 10;
}

/// The headers that the client sets itself, and those of a connection (RFC 9110 §7.6.1).
const RESERVED: [&str; 15] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-api-key",
];

impl Options {
    /// The sizes of the caches.
    ///
    /// # Errors
    /// `bad_request` for a size out of range.
    pub(super) fn sizes(&self) -> Result<CacheSizes> {
        Ok(CacheSizes {
            known: checked("cacheKeys", self.cache_keys)?,
            unknown: checked("cacheUnknownKeys", self.cache_unknown_keys)?,
        })
    }

    /// Checks the options that only matter over HTTP. An embedded database checks them too, so that its URL can be
    /// replaced by a server's.
    ///
    /// # Errors
    /// `bad_request`; the message names the option.
    pub(super) fn check_http(&self) -> Result<()> {
        if self.timeout.is_zero() || self.timeout > MAX_TIME {
            return Err(GatekeeperError::bad_request("timeout must be more than 0, and at most a day"));
        }
        Retries::check("maxRetries", Some(self.max_retries))?;
        for (name, value) in &self.default_headers {
            check_header(name)?;
            check_value(&format!("defaultHeaders.{name}"), value.expose())?;
        }
        self.user_agent.as_deref().map_or(Ok(()), |agent| check_value("userAgent", agent))
    }

    /// The options of the HTTP client.
    #[cfg(feature = "remote")]
    pub(super) fn http_options(&self) -> HttpOptions<'_> {
        HttpOptions {
            timeout: self.timeout,
            max_retries: self.max_retries,
            headers: &self.default_headers,
            user_agent: self.user_agent.as_deref(),
        }
    }

    /// Rejects options that only apply to an embedded database: a server would ignore them silently.
    ///
    /// # Errors
    /// `bad_request`; the message names the option.
    #[cfg(feature = "remote")]
    pub(super) fn check_remote(&self) -> Result<()> {
        if matches!(self.clock, Clock::Manual(_)) {
            return Err(manual_clock());
        }
        let default = Self::default();
        let is_given = |given: &Option<Secret>, default: &Option<Secret>| match (given, default) {
            (Some(given), Some(default)) => !given.is_equal_to(default),
            (given, _) => given.is_some(),
        };
        let strays = [
            ("create", !self.create),
            ("secret", is_given(&self.secret, &default.secret)),
            ("previousSecret", is_given(&self.previous_secret, &default.previous_secret)),
            ("issuer", self.issuer != default.issuer),
            ("audience", self.audience != default.audience),
            ("tokenAudiences", !self.token_audiences.is_empty()),
            ("refreshGraceMs", self.refresh_grace != default.refresh_grace),
            ("signingAlgorithm", self.signing_algorithm != default.signing_algorithm),
            ("sessionDays", self.session_days != default.session_days),
            ("sessionsPerUser", self.sessions_per_user != default.sessions_per_user),
            ("usageRetentionDays", self.usage_retention_days.is_some()),
            ("signupsPerMinute", self.signups_per_minute != default.signups_per_minute),
            ("refreshesPerMinute", self.refreshes_per_minute != default.refreshes_per_minute),
            ("wrongKeysPerMinute", self.wrong_keys_per_minute != default.wrong_keys_per_minute),
            (
                "wrongPasswordsPerMinute",
                self.wrong_passwords_per_minute != default.wrong_passwords_per_minute,
            ),
            ("keyImports", self.key_imports != default.key_imports),
            (
                "importSuffixesPerTenant",
                self.import_suffixes_per_tenant != default.import_suffixes_per_tenant,
            ),
            ("importSuffixes", self.import_suffixes != default.import_suffixes),
            ("endpoints", self.endpoints.names().next().is_some()),
        ];
        match strays.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((option, _)) => Err(GatekeeperError::bad_request(format!(
                "{option}: only available with an embedded database, configure it on the server instead"
            ))),
        }
    }
}

/// The error for a manual clock outside `memory:`: other processes could not share it.
pub(super) fn manual_clock() -> GatekeeperError {
    GatekeeperError::bad_request("clock: a manual clock is only available with memory:")
}

fn checked(name: &str, size: usize) -> Result<usize> {
    CacheSize::check(name, Some(size))?;
    Ok(size)
}

/// Checks the name of a header (RFC 9110 §5.1) that a caller may set.
fn check_header(name: &str) -> Result<()> {
    let is_token = |each: char| {
        each.is_ascii_alphanumeric()
            || matches!(each, '!' | '#'..='\'' | '*' | '+' | '-' | '.' | '^'..='`' | '|' | '~')
    };
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(GatekeeperError::bad_request("defaultHeaders: each name must be a valid header name"));
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(GatekeeperError::bad_request(format!(
            "defaultHeaders.{name} is set by the client: use token for the credential, userAgent for the agent"
        )));
    }
    Ok(())
}

fn check_value(what: &str, value: &str) -> Result<()> {
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    Err(GatekeeperError::bad_request(format!("{what} must be a string of printable ASCII")))
}
