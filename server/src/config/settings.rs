//! The table of all settings.

use super::{Kind, Setting};

/// The id of the tenant `default`, which every database has.
const DEFAULT_TENANT: &str = "tnt_00000000000000000000000000";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const MAX_PER_MINUTE: u64 = u32::MAX as u64;

/// The addresses on which an operator's page can be served.
const EXPOSURES: &[&str] = &["main", "gateway", "off"];

macro_rules! settings {
    ($($constant:ident = $name:literal, $variable:literal, $flag:literal, $kind:expr, $default:expr, $about:literal;)*) => {
        $(
            pub(crate) static $constant: Setting = Setting {
                name: $name, variable: $variable, flag: $flag, kind: $kind, default: $default, about: $about,
            };
        )*

        /// All settings, in display order.
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
        "the tenant that a command applies to";
    ISSUER = "issuer", "GATEKEEPER_ISSUER", "", Kind::Text, Some("gatekeeper"),
        "the `iss` of tokens";
    AUDIENCE = "audience", "GATEKEEPER_AUDIENCE", "", Kind::Text, Some("gatekeeper"),
        "the `aud` of tokens";
    SIGNUP = "signup", "GATEKEEPER_SIGNUP", "--signup", Kind::OneOf(&["open", "closed"]), None,
        "who may create accounts over HTTP: open, any client; closed, only the operator; not set, programs on this machine";
    SIGNING_ALGORITHM = "signingAlgorithm", "GATEKEEPER_SIGNING_ALGORITHM", "",
        Kind::OneOf(&["EdDSA", "RS256"]), Some("EdDSA"),
        "the algorithm that signs tokens";
    REFRESH_GRACE_MS = "refreshGraceMs", "GATEKEEPER_REFRESH_GRACE_MS", "", Kind::Integer(0, DAY_MS), Some("10000"),
        "for how long a retry with a used refresh token returns the same successor, in ms";
    SESSION_DAYS = "sessionDays", "GATEKEEPER_SESSION_DAYS", "", Kind::Integer(1, 3650), Some("90"),
        "the maximum lifetime of a session in days, regardless of how often it is refreshed";
    SESSIONS_PER_USER = "sessionsPerUser", "GATEKEEPER_SESSIONS_PER_USER", "", Kind::Integer(1, 10_000), Some("100"),
        "the maximum number of sessions of a user; another login ends the least recently used one";
    USAGE_RETENTION_DAYS = "usageRetentionDays", "GATEKEEPER_USAGE_RETENTION_DAYS", "",
        Kind::Integer(1, 36_500), None,
        "for how many days usage events are kept; not set, they are kept forever";
    SIGNUPS_PER_MINUTE = "signupsPerMinute", "GATEKEEPER_SIGNUPS_PER_MINUTE", "",
        Kind::Integer(1, MAX_PER_MINUTE), Some("20"),
        "the maximum number of accounts that one client address may create in a minute";
    REFRESHES_PER_MINUTE = "refreshesPerMinute", "GATEKEEPER_REFRESHES_PER_MINUTE", "",
        Kind::Integer(1, MAX_PER_MINUTE), Some("60"),
        "the maximum number of refresh tokens that one client address may exchange in a minute";
    WRONG_KEYS_PER_MINUTE = "wrongKeysPerMinute", "GATEKEEPER_WRONG_KEYS_PER_MINUTE", "",
        Kind::Integer(1, MAX_PER_MINUTE), Some("60"),
        "the maximum number of invalid keys that one client address may present in a minute";
    WRONG_PASSWORDS_PER_MINUTE = "wrongPasswordsPerMinute", "GATEKEEPER_WRONG_PASSWORDS_PER_MINUTE", "",
        Kind::Integer(1, MAX_PER_MINUTE), Some("30"),
        "the maximum number of wrong passwords from one client address in a minute";
    KEY_IMPORTS = "keyImports", "GATEKEEPER_KEY_IMPORTS", "", Kind::OneOf(&["root", "members"]), Some("root"),
        "who may import keys: root, only a root key or the operator; members, also members and API keys with keys:write";
    IMPORT_SUFFIXES_PER_TENANT = "importSuffixesPerTenant", "GATEKEEPER_IMPORT_SUFFIXES_PER_TENANT", "",
        Kind::Integer(1, 64), Some("2"),
        "the maximum number of different suffixes of a tenant's imported keys";
    IMPORT_SUFFIXES = "importSuffixes", "GATEKEEPER_IMPORT_SUFFIXES", "", Kind::Integer(1, 64), Some("8"),
        "the maximum number of different suffixes of all imported keys";
    CACHE_KEYS = "cacheKeys", "GATEKEEPER_CACHE_KEYS", "", Kind::Integer(0, 100_000_000), Some("1000000"),
        "the number of keys to cache; a key whose record exceeds 1 KiB counts once for each KiB";
    CACHE_UNKNOWN_KEYS = "cacheUnknownKeys", "GATEKEEPER_CACHE_UNKNOWN_KEYS", "",
        Kind::Integer(0, 100_000_000), Some("100000"),
        "the number of unknown keys to cache";
    HOST = "server.host", "GATEKEEPER_HOST", "--host", Kind::Text, Some("127.0.0.1"),
        "the address to listen on";
    PORT = "server.port", "GATEKEEPER_PORT", "--port", Kind::Integer(0, 65_535), Some("8787"),
        "the port to listen on; 0 for any free port";
    SOCKET = "server.socket", "GATEKEEPER_SOCKET", "--socket", Kind::Text, None,
        "the Unix socket to listen on instead of an address";
    GATEWAY_LISTEN = "server.gatewayListen", "GATEKEEPER_GATEWAY_LISTEN", "--gateway-listen", Kind::Text, None,
        "the address to serve gateways on, HOST:PORT: /check and /check/nginx";
    TLS_CERT = "server.tlsCert", "GATEKEEPER_TLS_CERT", "--tls-cert", Kind::Text, None,
        "the PEM file with the certificate and its chain";
    TLS_KEY = "server.tlsKey", "GATEKEEPER_TLS_KEY", "--tls-key", Kind::Text, None,
        "the PEM file with the private key of the certificate";
    HSTS_SECONDS = "server.hstsSeconds", "GATEKEEPER_HSTS_SECONDS", "--hsts-seconds",
        Kind::Integer(0, 100 * 365 * 24 * 60 * 60), Some("31536000"),
        "the max-age of HSTS over TLS, in seconds; 0 to send no such header";
    METRICS = "server.metrics", "GATEKEEPER_METRICS", "--metrics", Kind::OneOf(EXPOSURES), Some("main"),
        "where /metrics is served: main, the address for all clients; gateway, the address for gateways; or off";
    DOCS = "server.docs", "GATEKEEPER_DOCS", "--docs", Kind::OneOf(EXPOSURES), Some("main"),
        "where /docs and /openapi.json are served: main, gateway or off";
    TRUSTED_PROXIES = "server.trustedProxies", "GATEKEEPER_TRUSTED_PROXIES", "--trusted-proxies", Kind::List, None,
        "addresses or networks whose X-Forwarded-For is trusted";
    CORS_ORIGINS = "server.corsOrigins", "GATEKEEPER_CORS_ORIGINS", "--cors-origin", Kind::List, None,
        "origins whose pages may call the server";
    LOG_LEVEL = "server.logLevel", "GATEKEEPER_LOG_LEVEL", "--log-level",
        Kind::OneOf(&["off", "error", "warn", "info", "debug", "trace"]), Some("info"),
        "the log level";
    MAX_CONNECTIONS = "server.maxConnections", "GATEKEEPER_MAX_CONNECTIONS", "--max-connections",
        Kind::Integer(1, 1_000_000), Some("20000"),
        "the maximum number of open connections";
    HEADER_TIMEOUT_MS = "server.headerTimeoutMs", "GATEKEEPER_HEADER_TIMEOUT_MS", "--header-timeout-ms",
        Kind::Integer(1, DAY_MS), Some("15000"),
        "the timeout for a client to send its headers, and between requests, in ms";
    BODY_TIMEOUT_MS = "server.bodyTimeoutMs", "GATEKEEPER_BODY_TIMEOUT_MS", "--body-timeout-ms",
        Kind::Integer(1, DAY_MS), Some("30000"),
        "the timeout for a client to send a body, and to receive each part of a response, in ms";
    EXPORT_TIMEOUT_MS = "server.exportTimeoutMs", "GATEKEEPER_EXPORT_TIMEOUT_MS", "--export-timeout-ms",
        Kind::Integer(1, DAY_MS), Some("600000"),
        "the timeout of an export, in ms";
    SHUTDOWN_TIMEOUT_MS = "server.shutdownTimeoutMs", "GATEKEEPER_SHUTDOWN_TIMEOUT_MS", "--shutdown-timeout-ms",
        Kind::Integer(0, DAY_MS), Some("30000"),
        "how long shutdown waits for requests in progress, in ms";
    GATEWAY_TENANTS = "gateway.tenants", "GATEKEEPER_GATEWAY_TENANTS", "--gateway-tenants", Kind::Tenants,
        Some("default"),
        "the tenants whose keys gateways accept, or all";
    TOKEN_AUDIENCES = "tokens.audiences", "GATEKEEPER_TOKEN_AUDIENCES", "", Kind::List, None,
        "further allowed values of the `aud` of a key's token";
}
