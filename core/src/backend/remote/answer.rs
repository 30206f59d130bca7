//! The response of a server, as the result of an operation or as its error.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::server::Server;
use crate::clock::Clock;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::KeyId;

/// The maximum length of a response, such as an export of an audit log.
pub(super) const MAX_BODY: usize = 64 * 1024 * 1024;
/// The header of a response to a call that was rejected before it ran.
const NOT_RUN: &str = "x-gatekeeper-not-run";
const REQUEST_ID: &str = "x-request-id";

/// An HTTP response, from the server or from a proxy.
pub(super) struct Reply {
    status: u16,
    /// Seconds.
    pub(super) retry_after: Option<u32>,
    /// Whether the call was rejected before it ran, by the header of the server.
    pub(super) is_not_run: bool,
    pub(super) is_too_long: bool,
    request_id: Option<String>,
    /// The content type, if the response has one.
    content_type: Option<String>,
    is_redirect: bool,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: u16, headers: &HeaderMap) -> Self {
        let text =
            |value: Option<&HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            status,
            // Of several headers, the longest wait.
            retry_after: headers
                .get_all(RETRY_AFTER)
                .iter()
                .filter_map(|value| seconds(value.to_str().ok()?))
                .max(),
            is_not_run: text(headers.get(NOT_RUN)).is_some_and(|value| value.eq_ignore_ascii_case("true")),
            is_too_long: false,
            request_id: text(headers.get(REQUEST_ID)),
            content_type: text(headers.get(CONTENT_TYPE)),
            is_redirect: (300..400).contains(&status) && headers.contains_key(LOCATION),
            body: Vec::new(),
        }
    }

    /// Whether the same call may succeed later: the server, or a proxy before it, is overloaded.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// An error of this reply.
    fn error(&self, kind: ErrorKind, message: String) -> GatekeeperError {
        let error = GatekeeperError::new(kind, message);
        let error = match self.retry_after {
            Some(seconds) => error.after(seconds),
            None => error,
        };
        match &self.request_id {
            Some(id) => error.of_request(id),
            None => error,
        }
    }

    /// The error for a response that is not from Gatekeeper, or from another version. Its status is not mapped to an error
    /// of an operation: a 404 of a proxy does not mean that a record was not found.
    fn foreign(&self, server: &Server) -> GatekeeperError {
        let kind = match self.status {
            413 => ErrorKind::PayloadTooLarge,
            429 => ErrorKind::RateLimited,
            _ => ErrorKind::Unavailable,
        };
        let what = self.content_type.as_deref().map(|kind| kind.split(';').next().unwrap_or_default().trim());
        let hint = if self.is_too_long {
            "it is longer than 64 MiB: request less data"
        } else if self.is_redirect {
            "redirects are not followed: use the URL that it leads to"
        } else {
            "check the URL, and any proxy before the server"
        };
        let message = format!(
            "{} answered with HTTP {} ({}), which is not a response of Gatekeeper: {hint}",
            server.name(),
            self.status,
            what.filter(|what| !what.is_empty()).unwrap_or("no content type"),
        );
        self.error(kind, message)
    }
}

/// The obsolete formats of a date (RFC 9110 §5.6.7), which a server may still send.
const OLDER_TIMES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// The seconds of a `Retry-After` (RFC 9110 §10.2.3); a date is converted to the seconds from now. A value that is too
/// large becomes the maximum.
fn seconds(value: &str) -> Option<u32> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(value.parse().unwrap_or(u32::MAX));
    }
    let seconds =
        u64::try_from(time(value)?.as_second()).ok()?.saturating_sub(Clock::System.wall_ms() / 1000);
    Some(u32::try_from(seconds).unwrap_or(u32::MAX))
}

fn time(value: &str) -> Option<Timestamp> {
    let older = || {
        OLDER_TIMES.iter().find_map(|form| {
            strtime::parse(form, value).ok()?.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok()
        })
    };
    rfc2822::parse(value).ok().or_else(older).map(|time| time.timestamp())
}

/// A successful response.
pub(super) struct Answer<'a> {
    /// JSON.
    json: String,
    /// The server, for the error if the result does not have the expected form.
    reply: Reply,
    server: &'a Server,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    ok: bool,
    data: Option<Box<RawValue>>,
    error: Option<String>,
    code: Option<String>,
    request_id: Option<String>,
    details: Option<Value>,
}

#[derive(Deserialize)]
struct Rejection {
    success: bool,
    error: String,
    reason: String,
}

impl<'a> Answer<'a> {
    /// The result in the envelope of a service: `{ok: true, data}`.
    pub(super) fn of_service(reply: Reply, server: &'a Server, has_credential: bool) -> Result<Self> {
        let Some(envelope) = parsed::<Envelope>(&reply) else { return Err(reply.foreign(server)) };
        if reply.is_success() && envelope.ok {
            let json = envelope.data.map_or_else(|| "null".to_owned(), |data| data.get().to_owned());
            return Ok(Self { json, reply, server });
        }
        Err(failure(&reply, envelope, has_credential).unwrap_or_else(|| reply.foreign(server)))
    }

    /// The result in the envelope of the key manager: `{success: true, …}`, without the first field. `id` is the key
    /// that the call names.
    pub(super) fn of_key_manager(reply: Reply, server: &'a Server, id: Option<KeyId>) -> Result<Self> {
        if reply.is_success() {
            let Some(mut fields) = parsed::<BTreeMap<String, Box<RawValue>>>(&reply) else {
                return Err(reply.foreign(server));
            };
            if fields.remove("success").is_none_or(|success| success.get() != "true") {
                return Err(reply.foreign(server));
            }
            let json = serde_json::to_string(&fields).map_err(GatekeeperError::internal)?;
            return Ok(Self { json, reply, server });
        }
        let Some(Rejection { success: false, error, reason }) = parsed(&reply) else {
            return Err(reply.foreign(server));
        };
        let kind = ErrorKind::of_key_manager(&error, id.is_some()).or(ErrorKind::of_status(reply.status));
        Err(kind.map_or_else(|| reply.foreign(server), |kind| reply.error(kind, reason)))
    }

    /// A result without an envelope.
    pub(super) fn plain(reply: Reply, server: &'a Server) -> Result<Self> {
        if !reply.is_success() {
            return Self::of_service(reply, server, false);
        }
        match parsed::<Box<RawValue>>(&reply) {
            Some(json) if json.get().starts_with('{') => {
                Ok(Self { json: json.get().to_owned(), reply, server })
            }
            _ => Err(reply.foreign(server)),
        }
    }

    /// The same result without the idempotency key that this client generated.
    pub(super) fn without(mut self, own_key: Option<String>) -> Self {
        if let Some(key) = own_key {
            self.json = self.json.replace(&format!("\"{key}\""), "null");
        }
        self
    }

    pub(super) fn into_json(self) -> String {
        self.json
    }

    /// The result, deserialized.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T> {
        self.read_as(Some)
    }

    /// The result, deserialized and converted by a function that may reject it.
    pub(super) fn read_as<T: DeserializeOwned, U>(self, read: impl FnOnce(T) -> Option<U>) -> Result<U> {
        match serde_json::from_str(&self.json) {
            Ok(answer) => read(answer).ok_or_else(|| self.reply.foreign(self.server)),
            Err(error) => Err(self.reply.foreign(self.server).caused_by(error)),
        }
    }
}

fn parsed<T: DeserializeOwned>(reply: &Reply) -> Option<T> {
    if reply.is_too_long { None } else { serde_json::from_slice(&reply.body).ok() }
}

/// The error in an envelope, if it contains one.
fn failure(reply: &Reply, envelope: Envelope, has_credential: bool) -> Option<GatekeeperError> {
    let Envelope { ok: false, error: Some(message), code: Some(code), request_id, details, .. } = envelope
    else {
        return None;
    };
    let kind = match ErrorKind::of_code(&code) {
        // The response does not contain whether there was a credential.
        Some(kind) if kind.status() == 401 && !has_credential => ErrorKind::CredentialMissing,
        Some(kind) if kind.status() == 401 => ErrorKind::CredentialInvalid,
        Some(kind) => kind,
        None => ErrorKind::of_status(reply.status)?,
    };
    let mut failure = reply.error(kind, message);
    if let Some(id) = request_id {
        failure = failure.of_request(id);
    }
    Some(match details {
        Some(details) => failure.with_details(details),
        None => failure,
    })
}
