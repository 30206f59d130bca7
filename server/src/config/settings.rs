//! Every setting.

use super::{Kind, Setting};

/// The tenant that every database has from the beginning.
const DEFAULT_TENANT: &str = "tnt_00000000000000000000000000";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const MAX_PER_MINUTE: u64 = u32::MAX as u64;

/// Where a page for operators can be served.
const EXPOSURES: &[&str] = &["main", "gateway", "off"];

macro_rules! settings {
    ($($constant:ident = $name:literal, $variable:literal, $flag:literal, $kind:expr, $default:expr, $about:literal;)*) => {
        $(
            pub(crate) static $constant: Setting = Setting {
                name: $name, variable: $variable, flag: $flag, kind: $kind, default: $default, about: $about,
            };
        )*

        /// Every setting, in the order in which they are shown.
        pub(crate) static ALL: &[&Setting] = &[$(&$constant),*];
    };
}

/// Settings that had other names before version 0.2: the name now, the former name, the former environment variable.
/// The former ones still work.
const RENAMED: &[(&str, &str, &str)] = &[
    ("url", "", "GATEKEEPER_BASE_URL"),
    ("server.socket", "server.unix", "GATEKEEPER_UNIX"),
    ("server.gatewayListen", "server.checkListen", "GATEKEEPER_CHECK_LISTEN"),
];

impl Setting {
    /// The former name of the setting, if it has one.
    pub(super) fn former_name(&self) -> Option<&'static str> {
        self.renamed().map(|(_, name, _)| *name).filter(|name| !name.is_empty())
    }

    /// The former environment variable of the setting, if it has one.
    pub(crate) fn former_variable(&self) -> Option<&'static str> {
        self.renamed().map(|(_, _, variable)| *variable)
    }

    fn renamed(&self) -> Option<&'static (&'static str, &'static str, &'static str)> {
        RENAMED.iter().find(|(name, ..)| *name == self.name)
    }
}

settings! {
    URL = "url", "GATEKEEPER_URL", "--url", Kind::Text, Some("sqlite:gatekeeper.db"),
        "the database: sqlite:PATH, a plain path, memory:, or http(s)://HOST";
    TENANT = "tenant", "GATEKEEPER_TENANT", "--tenant", Kind::Text, Some(DEFAULT_TENANT),
        "the tenant of commands that are about one";
    ISSUER = "issuer", "GATEKEEPER_ISSUER", "", Kind::Text, Some("gatekeeper"),
        "the `iss` of tokens";
    AUDIENCE = "audience", "GATEKEEPER_AUDIENCE", "", Kind::Text, Some("gatekeeper"),
        "the `aud` of tokens";
    SIGNUP = "signup", "GATEKEEPER_SIGNUP", "--signup", Kind::OneOf(&["open", "closed"]), None,
        "who may make accounts over HTTP: anyone, or the operator alone; not set: programs on this machine";
    SIGNING_ALGORITHM = "signingAlgorithm", "GATEKEEPER_SIGNING_ALGORITHM", "",
        Kind::OneOf(&["EdDSA", "RS256"]), Some("EdDSA"),
        "what tokens are signed with";
    REFRESH_GRACE_MS = "refreshGraceMs", "GATEKEEPER_REFRESH_GRACE_MS", "", Kind::Whole(0, DAY_MS), Some("10000"),
        "for how long a refresh token gives the same successor again, in ms";
    SESSION_DAYS = "sessionDays", "GATEKEEPER_SESSION_DAYS", "", Kind::Whole(1, 3650), Some("90"),
        "for how many days a session lasts at the most, however often it gets new tokens";
    SESSIONS_PER_USER = "sessionsPerUser", "GATEKEEPER_SESSIONS_PER_USER", "", Kind::Whole(1, 10_000), Some("100"),
        "how many sessions a user may have at once; a further login ends the one used the longest time ago";
    USAGE_RETENTION_DAYS = "usageRetentionDays", "GATEKEEPER_USAGE_RETENTION_DAYS", "",
        Kind::Whole(1, 36_500), None,
        "for how many days single usage events are kept; for good where it is not set";
    SIGNUPS_PER_MINUTE = "signupsPerMinute", "GATEKEEPER_SIGNUPS_PER_MINUTE", "",
        Kind::Whole(1, MAX_PER_MINUTE), Some("20"),
        "how many accounts one address may make in a minute";
    REFRESHES_PER_MINUTE = "refreshesPerMinute", "GATEKEEPER_REFRESHES_PER_MINUTE", "",
        Kind::Whole(1, MAX_PER_MINUTE), Some("60"),
        "how many refresh tokens one address may exchange in a minute";
    WRONG_KEYS_PER_MINUTE = "wrongKeysPerMinute", "GATEKEEPER_WRONG_KEYS_PER_MINUTE", "",
        Kind::Whole(1, MAX_PER_MINUTE), Some("60"),
        "how many keys that are not good one address may show in a minute";
    WRONG_PASSWORDS_PER_MINUTE = "wrongPasswordsPerMinute", "GATEKEEPER_WRONG_PASSWORDS_PER_MINUTE", "",
        Kind::Whole(1, MAX_PER_MINUTE), Some("30"),
        "how many passwords one client address may get wrong in a minute";
    KEY_IMPORTS = "keyImports", "GATEKEEPER_KEY_IMPORTS", "", Kind::OneOf(&["root", "members"]), Some("root"),
        "who may import keys: root, a root key and the operator; members, also members and API keys with keys:write";
    IMPORT_SUFFIXES_PER_TENANT = "importSuffixesPerTenant", "GATEKEEPER_IMPORT_SUFFIXES_PER_TENANT", "",
        Kind::Whole(1, 64), Some("2"),
        "how many different suffixes the imported keys of a tenant may have";
    IMPORT_SUFFIXES = "importSuffixes", "GATEKEEPER_IMPORT_SUFFIXES", "", Kind::Whole(1, 64), Some("8"),
        "how many different suffixes the imported keys of all tenants may have";
    CACHE_KEYS = "cacheKeys", "GATEKEEPER_CACHE_KEYS", "", Kind::Whole(0, 100_000_000), Some("1000000"),
        "how many keys are remembered; one that holds more than 1 KiB counts once for each KiB";
    CACHE_UNKNOWN_KEYS = "cacheUnknownKeys", "GATEKEEPER_CACHE_UNKNOWN_KEYS", "",
        Kind::Whole(0, 100_000_000), Some("100000"),
        "how many unknown keys are remembered to be unknown";
    HOST = "server.host", "GATEKEEPER_HOST", "--host", Kind::Text, Some("127.0.0.1"),
        "the address to listen on";
    PORT = "server.port", "GATEKEEPER_PORT", "--port", Kind::Whole(0, 65_535), Some("8787"),
        "the port to listen on; 0 for any";
    SOCKET = "server.socket", "GATEKEEPER_SOCKET", "--socket", Kind::Text, None,
        "a Unix socket to listen on instead";
    GATEWAY_LISTEN = "server.gatewayListen", "GATEKEEPER_GATEWAY_LISTEN", "--gateway-listen", Kind::Text, None,
        "HOST:PORT to answer gateways on: /check and /check/nginx";
    TLS_CERT = "server.tlsCert", "GATEKEEPER_TLS_CERT", "--tls-cert", Kind::Text, None,
        "a PEM file with the certificate and those that it follows from";
    TLS_KEY = "server.tlsKey", "GATEKEEPER_TLS_KEY", "--tls-key", Kind::Text, None,
        "a PEM file with the certificate's private key";
    HSTS_SECONDS = "server.hstsSeconds", "GATEKEEPER_HSTS_SECONDS", "--hsts-seconds",
        Kind::Whole(0, 100 * 365 * 24 * 60 * 60), Some("31536000"),
        "how long a browser that came by TLS comes by TLS alone, in seconds; 0 to say nothing of it";
    METRICS = "server.metrics", "GATEKEEPER_METRICS", "--metrics", Kind::OneOf(EXPOSURES), Some("main"),
        "where /metrics is served: the main address, that of gateways, or nowhere";
    DOCS = "server.docs", "GATEKEEPER_DOCS", "--docs", Kind::OneOf(EXPOSURES), Some("main"),
        "where /docs and /openapi.json are served: the main address, that of gateways, or nowhere";
    TRUSTED_PROXIES = "server.trustedProxies", "GATEKEEPER_TRUSTED_PROXIES", "--trusted-proxies", Kind::Texts, None,
        "addresses or networks whose X-Forwarded-For is believed";
    CORS_ORIGINS = "server.corsOrigins", "GATEKEEPER_CORS_ORIGINS", "--cors-origin", Kind::Texts, None,
        "origins whose pages may call the server";
    LOG_LEVEL = "server.logLevel", "GATEKEEPER_LOG_LEVEL", "--log-level",
        Kind::OneOf(&["off", "error", "warn", "info", "debug", "trace"]), Some("info"),
        "how much is logged";
    MAX_CONNECTIONS = "server.maxConnections", "GATEKEEPER_MAX_CONNECTIONS", "--max-connections",
        Kind::Whole(1, 1_000_000), Some("20000"),
        "how many connections are open at once";
    HEADER_TIMEOUT_MS = "server.headerTimeoutMs", "GATEKEEPER_HEADER_TIMEOUT_MS", "--header-timeout-ms",
        Kind::Whole(1, DAY_MS), Some("15000"),
        "how long a client may take to send its headers, and wait between requests, in ms";
    BODY_TIMEOUT_MS = "server.bodyTimeoutMs", "GATEKEEPER_BODY_TIMEOUT_MS", "--body-timeout-ms",
        Kind::Whole(1, DAY_MS), Some("30000"),
        "how long a client may take to send a body, and to take each part of an answer, in ms";
    EXPORT_TIMEOUT_MS = "server.exportTimeoutMs", "GATEKEEPER_EXPORT_TIMEOUT_MS", "--export-timeout-ms",
        Kind::Whole(1, DAY_MS), Some("600000"),
        "how long an export may be sent, in ms";
    SHUTDOWN_TIMEOUT_MS = "server.shutdownTimeoutMs", "GATEKEEPER_SHUTDOWN_TIMEOUT_MS", "--shutdown-timeout-ms",
        Kind::Whole(0, DAY_MS), Some("30000"),
        "how long what has begun is waited for at the end, in ms";
    GATEWAY_TENANTS = "gateway.tenants", "GATEKEEPER_GATEWAY_TENANTS", "--gateway-tenants", Kind::Tenants,
        Some("default"),
        "the tenants whose keys gateways let through, or all";
    TOKEN_AUDIENCES = "tokens.audiences", "GATEKEEPER_TOKEN_AUDIENCES", "", Kind::Texts, None,
        "what else the `aud` of a key's token may be";
}
