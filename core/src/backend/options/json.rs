//! Options as JSON, from the SDKs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{CacheSize, Options, RefreshGrace, Retries};
use crate::authz::{KeyImports, PerMinute, SuffixCount};
use crate::clock::{Clock, ManualClock};
use crate::error::{GatekeeperError, Result};
use crate::identity::{SessionCount, SessionDays, SigningAlgorithm};
use crate::limit::Endpoints;
use crate::metering::RetentionDays;
use crate::operation::decode::decode;
use crate::secret::Secret;
use crate::whole::Range as _;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OptionsJson {
    #[serde(default, deserialize_with = "CacheSize::read")]
    cache_keys: Option<u64>,
    #[serde(default, deserialize_with = "CacheSize::read")]
    cache_unknown_keys: Option<u64>,
    create: Option<bool>,
    clock: Option<ClockName>,
    secret: Option<String>,
    previous_secret: Option<String>,
    issuer: Option<String>,
    audience: Option<String>,
    token_audiences: Option<Vec<String>>,
    #[serde(default, deserialize_with = "RefreshGrace::read")]
    refresh_grace_ms: Option<u64>,
    signing_algorithm: Option<AlgorithmName>,
    #[serde(default, deserialize_with = "SessionDays::read")]
    session_days: Option<u32>,
    #[serde(default, deserialize_with = "SessionCount::read")]
    sessions_per_user: Option<u32>,
    #[serde(default, deserialize_with = "RetentionDays::read")]
    usage_retention_days: Option<u32>,
    #[serde(default, deserialize_with = "PerMinute::read")]
    signups_per_minute: Option<u32>,
    #[serde(default, deserialize_with = "PerMinute::read")]
    refreshes_per_minute: Option<u32>,
    #[serde(default, deserialize_with = "PerMinute::read")]
    wrong_keys_per_minute: Option<u32>,
    #[serde(default, deserialize_with = "PerMinute::read")]
    wrong_passwords_per_minute: Option<u32>,
    key_imports: Option<KeyImports>,
    #[serde(default, deserialize_with = "SuffixCount::read")]
    import_suffixes_per_tenant: Option<u32>,
    #[serde(default, deserialize_with = "SuffixCount::read")]
    import_suffixes: Option<u32>,
    endpoints: Option<Value>,
    timeout: Option<f64>,
    #[serde(default, deserialize_with = "Retries::read")]
    max_retries: Option<u32>,
    default_headers: Option<BTreeMap<String, String>>,
    user_agent: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClockName {
    System,
    Manual,
}

#[derive(Deserialize)]
enum AlgorithmName {
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "RS256")]
    Rs256,
}

impl Options {
    /// Options from `{cacheKeys?, cacheUnknownKeys?, create?, clock?: "system" | "manual", secret?, previousSecret?, issuer?,
    /// audience?, tokenAudiences?, refreshGraceMs?, signingAlgorithm?: "EdDSA" | "RS256", sessionDays?, sessionsPerUser?,
    /// usageRetentionDays?, signupsPerMinute?, refreshesPerMinute?, wrongKeysPerMinute?, wrongPasswordsPerMinute?, keyImports?: "root" | "members",
    /// importSuffixesPerTenant?, importSuffixes?, endpoints?, timeout?, maxRetries?, defaultHeaders?: {NAME: VALUE},
    /// userAgent?}`, the timeout in milliseconds; a missing option has its default. For SDKs.
    ///
    /// ```
    /// let options = gatekeeper::Options::from_json(r#"{"cacheKeys": 1000, "refreshGraceMs": 0}"#)?;
    /// assert_eq!((options.cache_keys, options.refresh_grace.is_zero()), (1000, true));
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `bad_request`; the message names the option.
    pub fn from_json(json: &str) -> Result<Self> {
        let json: OptionsJson = decode(json)?;
        let mut options = Self::default();
        if let Some(size) = json.cache_keys {
            options.cache_keys = size_of(size);
        }
        if let Some(size) = json.cache_unknown_keys {
            options.cache_unknown_keys = size_of(size);
        }
        options.create = json.create.unwrap_or(options.create);
        if let Some(ClockName::Manual) = json.clock {
            options.clock = Clock::Manual(ManualClock::new());
        }
        options.secret = json.secret.map(Secret::new).or(options.secret);
        options.previous_secret = json.previous_secret.map(Secret::new).or(options.previous_secret);
        options.issuer = named("issuer", json.issuer)?.unwrap_or(options.issuer);
        options.audience = named("audience", json.audience)?.unwrap_or(options.audience);
        for audience in json.token_audiences.unwrap_or_default() {
            options.token_audiences.extend(named("tokenAudiences: each audience", Some(audience))?);
        }
        options.refresh_grace = json.refresh_grace_ms.map_or(options.refresh_grace, Duration::from_millis);
        if let Some(algorithm) = json.signing_algorithm {
            options.signing_algorithm = match algorithm {
                AlgorithmName::EdDsa => SigningAlgorithm::EdDsa,
                AlgorithmName::Rs256 => SigningAlgorithm::Rs256,
            };
        }
        options.session_days = json.session_days.unwrap_or(options.session_days);
        options.sessions_per_user = json.sessions_per_user.unwrap_or(options.sessions_per_user);
        options.usage_retention_days = json.usage_retention_days;
        options.signups_per_minute = json.signups_per_minute.unwrap_or(options.signups_per_minute);
        options.refreshes_per_minute = json.refreshes_per_minute.unwrap_or(options.refreshes_per_minute);
        options.wrong_keys_per_minute = json.wrong_keys_per_minute.unwrap_or(options.wrong_keys_per_minute);
        options.wrong_passwords_per_minute =
            json.wrong_passwords_per_minute.unwrap_or(options.wrong_passwords_per_minute);
        options.key_imports = json.key_imports.unwrap_or(options.key_imports);
        options.import_suffixes_per_tenant =
            json.import_suffixes_per_tenant.unwrap_or(options.import_suffixes_per_tenant);
        options.import_suffixes = json.import_suffixes.unwrap_or(options.import_suffixes);
        if let Some(endpoints) = json.endpoints {
            options.endpoints = Endpoints::from_json(&endpoints.to_string())?;
        }
        if let Some(ms) = json.timeout {
            // A value that is not a valid duration is rejected as zero is.
            options.timeout = Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default();
        }
        options.max_retries = json.max_retries.unwrap_or(options.max_retries);
        let headers = json.default_headers.unwrap_or_default().into_iter();
        options.default_headers = headers.map(|(name, value)| (name, Secret::new(value))).collect();
        options.user_agent = json.user_agent;
        options.check_http()?;
        Ok(options)
    }
}

/// The size as `usize`; a larger one is rejected as out of range.
fn size_of(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn named(option: &str, name: Option<String>) -> Result<Option<String>> {
    match name {
        Some(name) if name.is_empty() => {
            Err(GatekeeperError::bad_request(format!("{option} must not be empty")))
        }
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_options_have_defaults_and_invalid_ones_are_named_in_the_error() {
        let defaults = Options::from_json("{}").unwrap();
        assert_eq!(
            (defaults.cache_keys, defaults.issuer.as_str(), defaults.refresh_grace),
            (1_000_000, "gatekeeper", Duration::from_secs(10))
        );
        for (json, message) in [
            (r#"{"cacheKeys": -1}"#, "cacheKeys must be a whole number from 0 to 100000000"),
            (r#"{"clock": "canary"}"#, "clock must be one of system, manual"),
            (r#"{"signingAlgorithm": "HS256"}"#, "signingAlgorithm must be one of EdDSA, RS256"),
            (r#"{"issuer": ""}"#, "issuer must not be empty"),
            (r#"{"endpoints": []}"#, "endpoints must be an object of endpoints by name"),
        ] {
            assert_eq!(Options::from_json(json).unwrap_err().message(), message);
        }
        assert!(
            Options::from_json(r#"{"cacheKey": 1}"#)
                .unwrap_err()
                .message()
                .starts_with("cacheKey is not known")
        );
    }
}
