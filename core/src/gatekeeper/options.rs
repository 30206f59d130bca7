//! How a place is opened.

mod json;

use std::time::Duration;

use crate::authz::KeyImports;
use crate::clock::Clock;
use crate::error::{GatekeeperError, Result};
use crate::identity::SigningAlgorithm;
use crate::limit::Endpoints;
#[cfg(feature = "remote")]
use crate::remote::HttpOptions;
use crate::secret::Secret;
use crate::verify::CacheSizes;
use crate::whole::Range;

/// How a place is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How many keys are remembered, 0 to 100,000,000: about 180 bytes for a plain one. One that holds more than 1 KiB (roles,
    /// scopes, metadata) counts once for each KiB. Defaults to 1,000,000, which is at most about 1 GiB.
    pub cache_keys: usize,
    /// How many digests are remembered to be nobody's, apart from the keys; 0 to 100,000,000. Defaults to 100,000.
    pub cache_unknown_keys: usize,
    /// Whether a file that is not there is made. Without it, every call is `service_unavailable` until it is there: for
    /// programs whose database is made by `gatekeeper init`. It holds for all who open the file in this process.
    /// Defaults to true.
    pub create: bool,
    /// What tells the time; anything but the system's clock is for `memory:`. Defaults to the system's.
    pub clock: Clock,
    /// What seals the signing keys, authenticates cursors and makes the successors of refresh tokens: at least 16 bytes,
    /// the same in every process. Defaults to the environment variable `GATEKEEPER_SECRET`, and without that to a file
    /// beside the database, made for its owner alone; in memory to a new one.
    pub secret: Option<Secret>,
    /// The secret before, while it is changed: what it sealed still opens, and is sealed with [`secret`](Self::secret).
    /// Defaults to the environment variable `GATEKEEPER_SECRET_PREVIOUS`, and without that to none.
    pub previous_secret: Option<Secret>,
    /// The `iss` of access tokens. Defaults to `gatekeeper`.
    pub issuer: String,
    /// The `aud` of access tokens. Defaults to `gatekeeper`.
    pub audience: String,
    /// What else the `aud` of a token that [`IssueKeyToken`](crate::IssueKeyToken) makes may be, besides `audience`. Anyone
    /// who holds a key chooses among them. Defaults to nothing.
    pub token_audiences: Vec<String>,
    /// What tokens are signed with. Defaults to `EdDSA`.
    pub signing_algorithm: SigningAlgorithm,
    /// For how long the same refresh token gives the same successor, in ms; 0 for never. Defaults to 10,000.
    pub refresh_grace_ms: u64,
    /// For how many days, 1 to 3,650, a session lasts at the most, however often it gets new tokens. Defaults to 90.
    pub session_days: u32,
    /// How many sessions a user may have at once, 1 to 10,000: a further login ends the one that was not used for the longest
    /// time. Defaults to 100.
    pub sessions_per_user: u32,
    /// For how many days, 1 to 36,500, single usage events are kept; older ones go as new ones are recorded, and their
    /// idempotency keys with them. Sums are kept. Defaults to none: events are kept for good.
    pub usage_retention_days: Option<u32>,
    /// How many accounts one source may make in a minute, 1 at least. Counted where a call names its source, as those are
    /// that follow. Defaults to 20.
    pub signups_per_minute: u32,
    /// How many refresh tokens one source may exchange in a minute, 1 at least. Defaults to 60.
    pub refreshes_per_minute: u32,
    /// How many API keys that are not good one source may show in a minute, 1 at least, unless it has shown a good root key
    /// of its own. Good keys are never rejected for it. Defaults to 60.
    pub wrong_keys_per_minute: u32,
    /// How many passwords one client address may get wrong in a minute, 1 at least, for whatever accounts. An address that an
    /// account has logged in from is exempt for that account. Defaults to 30.
    pub wrong_passwords_per_minute: u32,
    /// Who may import keys of another product ([`ImportApiKeys`](crate::ImportApiKeys)). Defaults to a root key and the
    /// operator.
    pub key_imports: KeyImports,
    /// How many different suffixes the imported keys of one tenant may have, 1 to 64. A key that is revoked or has ended
    /// does not count. Defaults to 2.
    pub import_suffixes_per_tenant: u32,
    /// How many different suffixes the imported keys of a database may have, 1 to 64: an unknown key is hashed with each of
    /// them. Defaults to 8.
    pub import_suffixes: u32,
    /// The endpoints that keys are verified against by [`VerifyApiKey`](crate::VerifyApiKey). Defaults to none.
    pub endpoints: Endpoints,
    /// How long a call over HTTP may take, with all that is tried again: more than 0, at most a day. Defaults to 10
    /// seconds.
    pub timeout: Duration,
    /// How often a call over HTTP is tried again where that is safe, 0 to 10. Defaults to 2.
    pub max_retries: u32,
    /// What every call over HTTP carries, by name, for what stands between. Defaults to nothing.
    pub default_headers: Vec<(String, Secret)>,
    /// What calls over HTTP are known by. Defaults to `gatekeeper/` and the version.
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
            refresh_grace_ms: 10_000,
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

/// How many records a cache holds.
enum CacheSize {}

impl Range for CacheSize {
    const MIN: i64 = 0;
    const MAX: i64 = 100_000_000;
}

/// For how many milliseconds a refresh token that was used is good for its successor: at most a day.
enum RefreshGrace {}

impl Range for RefreshGrace {
    const MIN: i64 = 0;
    const MAX: i64 = 24 * 60 * 60 * 1000;
}

/// The longest timeout.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How many retries a call has.
enum Retries {}

impl Range for Retries {
    const MIN: i64 = 0;
    const MAX: i64 = 10;
}

/// What the client itself says of a request; a connection's own headers (RFC 9110 §7.6.1) too.
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
    /// How much is remembered.
    ///
    /// # Errors
    /// `bad_request` for a size out of range.
    pub(super) fn sizes(&self) -> Result<CacheSizes> {
        Ok(CacheSizes {
            known: checked("cacheKeys", self.cache_keys)?,
            unknown: checked("cacheUnknownKeys", self.cache_unknown_keys)?,
        })
    }

    /// Judges what only matters over HTTP; a place of your own takes it too, so that a program can be moved.
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

    /// How a server is spoken to.
    #[cfg(feature = "remote")]
    pub(super) fn http_options(&self) -> HttpOptions<'_> {
        HttpOptions {
            timeout: self.timeout,
            max_retries: self.max_retries,
            headers: &self.default_headers,
            user_agent: self.user_agent.as_deref(),
        }
    }

    /// Rejects what a server decides for itself, and would be lost without a word.
    ///
    /// # Errors
    /// `bad_request`; the message names the option.
    #[cfg(feature = "remote")]
    pub(super) fn check_remote(&self) -> Result<()> {
        if matches!(self.clock, Clock::Manual(_)) {
            return Err(manual_clock());
        }
        let usual = Self::default();
        let is_given = |given: &Option<Secret>, usual: &Option<Secret>| match (given, usual) {
            (Some(given), Some(usual)) => !given.is_equal_to(usual),
            (given, _) => given.is_some(),
        };
        let strays = [
            ("create", !self.create),
            ("secret", is_given(&self.secret, &usual.secret)),
            ("previousSecret", is_given(&self.previous_secret, &usual.previous_secret)),
            ("issuer", self.issuer != usual.issuer),
            ("audience", self.audience != usual.audience),
            ("tokenAudiences", !self.token_audiences.is_empty()),
            ("refreshGraceMs", self.refresh_grace_ms != usual.refresh_grace_ms),
            ("signingAlgorithm", self.signing_algorithm != usual.signing_algorithm),
            ("sessionDays", self.session_days != usual.session_days),
            ("sessionsPerUser", self.sessions_per_user != usual.sessions_per_user),
            ("usageRetentionDays", self.usage_retention_days.is_some()),
            ("signupsPerMinute", self.signups_per_minute != usual.signups_per_minute),
            ("refreshesPerMinute", self.refreshes_per_minute != usual.refreshes_per_minute),
            ("wrongKeysPerMinute", self.wrong_keys_per_minute != usual.wrong_keys_per_minute),
            ("wrongPasswordsPerMinute", self.wrong_passwords_per_minute != usual.wrong_passwords_per_minute),
            ("keyImports", self.key_imports != usual.key_imports),
            ("importSuffixesPerTenant", self.import_suffixes_per_tenant != usual.import_suffixes_per_tenant),
            ("importSuffixes", self.import_suffixes != usual.import_suffixes),
            ("endpoints", self.endpoints.names().next().is_some()),
        ];
        match strays.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((option, _)) => Err(GatekeeperError::bad_request(format!(
                "{option}: the server at the url has its own: configure it there, and leave the option out here"
            ))),
        }
    }
}

/// A clock that stands still is for one process alone.
pub(super) fn manual_clock() -> GatekeeperError {
    GatekeeperError::bad_request("clock: a manual clock is for memory: only")
}

fn checked(name: &str, size: usize) -> Result<usize> {
    CacheSize::check(name, Some(size))?;
    Ok(size)
}

/// The name of a header (RFC 9110 §5.1) that is the caller's to give.
fn check_header(name: &str) -> Result<()> {
    let is_token = |each: char| {
        each.is_ascii_alphanumeric()
            || matches!(each, '!' | '#'..='\'' | '*' | '+' | '-' | '.' | '^'..='`' | '|' | '~')
    };
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(GatekeeperError::bad_request("defaultHeaders: each name must be the name of a header"));
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(GatekeeperError::bad_request(format!(
            "defaultHeaders.{name} is not yours to give: for a credential there is token, for the agent userAgent"
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
