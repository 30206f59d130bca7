//! The error type, and the table that maps its kind to a code, an HTTP status and a key manager's error name.

use std::error::Error as StdError;
use std::fmt;

use serde_json::Value;

/// The result of a fallible call.
pub type Result<T, E = GatekeeperError> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $code:literal, $status:literal, $key_manager:expr;)*) => {
        /// The reason why a call failed. Several kinds share a code; callers branch on the code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[$doc])* $kind,)* }

        impl ErrorKind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The stable code, the same in HTTP bodies and in both SDKs.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }

            /// The HTTP status; 0 if there was no HTTP response. The SDKs report the same status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$kind => $status,)* }
            }

            /// The `error` of a key manager's `{ success: false }` result; none for a kind that a key manager
            /// throws.
            #[must_use]
            pub const fn key_manager(self) -> Option<&'static str> {
                match self { $(Self::$kind => $key_manager,)* }
            }
        }
    };
}

kinds! {
    /// Malformed, missing, unknown or out-of-range input.
    BadRequest => "bad_request", 400, Some("invalidBody");
    /// An id that is malformed or of another kind.
    InvalidId => "bad_request", 400, Some("invalidId");
    /// A call without the credential that it needs.
    CredentialMissing => "unauthorized", 401, Some("authorizationHeaderNotPresent");
    /// A credential that is an empty string.
    CredentialEmpty => "unauthorized", 401, Some("apiTokenNotPresent");
    /// A credential that is wrong, expired or revoked. The error does not say which.
    CredentialInvalid => "unauthorized", 401, Some("invalidAPIToken");
    /// A quota or another limit of the tenant is reached.
    PlanLimit => "plan_limit", 402, None;
    /// A valid caller without the permission, in its own tenant.
    Forbidden => "forbidden", 403, None;
    /// Something that does not exist or belongs to another tenant. The error does not say which.
    NotFound => "not_found", 404, Some("invalidId");
    /// An HTTP method that the path does not have.
    MethodNotAllowed => "method_not_allowed", 405, None;
    /// A request that the current state forbids, such as a duplicate e-mail address.
    Conflict => "conflict", 409, None;
    /// A request body that is too large.
    PayloadTooLarge => "payload_too_large", 413, None;
    /// A request body of an unsupported media type.
    UnsupportedMediaType => "unsupported_media_type", 415, None;
    /// Too many requests; try again later.
    RateLimited => "rate_limited", 429, None;
    /// A bug in Gatekeeper.
    Internal => "internal", 500, None;
    /// The database or the counters cannot be reached. Nothing was admitted.
    Unavailable => "service_unavailable", 503, None;
    /// Too many concurrent calls. This call did not run.
    Busy => "service_unavailable", 503, None;
    /// The connection to the server failed or broke: there was no HTTP response.
    ConnectionFailed => "connection_error", 0, None;
    /// No HTTP response in time.
    TimedOut => "timeout", 0, None;
}

#[cfg(feature = "remote")]
impl ErrorKind {
    /// The first kind with this code that a server can return.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code && kind.status() != 0)
    }

    /// The first kind with this status, or else the general kind of the 4xx or 5xx range.
    pub(crate) fn of_status(status: u16) -> Option<Self> {
        let exact = Self::ALL.iter().copied().find(|kind| kind.status() == status);
        exact.or(match status {
            400..500 => Some(Self::BadRequest),
            500..600 => Some(Self::Unavailable),
            _ => None,
        })
    }

    /// The kind of a key manager's `error`. A name that no kind has as its key manager's error is compared with the
    /// codes. `is_id` says that the call names a key by a well-formed id: then `invalidId` means that there is no
    /// such key.
    pub(crate) fn of_key_manager(name: &str, is_id: bool) -> Option<Self> {
        let named = Self::ALL.iter().copied().find(|kind| kind.key_manager() == Some(name));
        match named {
            Some(Self::InvalidId) if is_id => Some(Self::NotFound),
            Some(kind) => Some(kind),
            None => Self::ALL
                .iter()
                .copied()
                .find(|kind| kind.status() != 0 && kind.code().replace('_', "").eq_ignore_ascii_case(name)),
        }
    }
}

/// An error of any call.
///
/// The message is for the caller and says what to change. The cause, if there is one, is for logs
/// ([`source`](StdError::source)) and never part of the message.
///
/// ```
/// let error = gatekeeper::Gatekeeper::open("mysql://db").unwrap_err();
/// assert_eq!((error.status(), error.code()), (400, "bad_request"));
/// assert!(error.to_string().contains("mysql"));
/// ```
pub struct GatekeeperError(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    retry_after: Option<u32>,
    request_id: Option<String>,
    details: Option<Value>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl GatekeeperError {
    /// An error of `kind` with a message for the caller.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retry_after: None,
            request_id: None,
            details: None,
            cause: None,
        }))
    }

    /// An error for malformed input; the message names the field.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// An error for a request with two different credentials. The message says so, because the caller may own only
    /// one of them.
    #[must_use]
    pub fn different_credentials() -> Self {
        Self::new(ErrorKind::CredentialInvalid, "two different credentials were sent: send one of them")
    }

    /// An error for something that does not exist or belongs to another tenant. It does not say which.
    #[must_use]
    pub(crate) fn not_found() -> Self {
        Self::new(ErrorKind::NotFound, "not found, or not yours")
    }

    /// An error for a dependency that cannot be reached; the message says what to do.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// An error for a bug in Gatekeeper. What happened is in the cause, not in the message.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "internal error: please report it").caused_by(cause)
    }

    /// The same error with a cause, which is not part of the message.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same error with structured details, such as the quota that is reached.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same error with the seconds after which the call can succeed.
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The same error with the request id that the server assigned.
    #[must_use]
    pub fn of_request(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// The reason why the call failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code, such as `bad_request`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The HTTP status, 400 to 503; 0 if there was no HTTP response.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.kind.status()
    }

    /// The message for the caller: what was wrong, and what to change.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The seconds to wait before the same call can succeed, if known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.0.retry_after
    }

    /// The id that the server assigned to the request, for its logs; none with an embedded database.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Structured details, such as `{"quota": …}`.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }
}

/// A name from the caller, such as that of an unknown field, for use in a message. Returns "a field" if the text
/// could be a secret that was sent as a name: secrets are long or have digits, names of fields have neither.
///
/// ```
/// assert_eq!(gatekeeper::internal::field_name("expires_in"), "expires_in");
/// assert_eq!(gatekeeper::internal::field_name("gkr_7hQ2mXv9"), "a field");
/// ```
#[must_use]
pub fn field_name(name: &str) -> &str {
    const MAX_BYTES: usize = 32;
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
    let is_name = (1..=MAX_BYTES).contains(&name.len()) && name.bytes().all(is_letter);
    if is_name { name } else { "a field" }
}

impl fmt::Display for GatekeeperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for GatekeeperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, cause, .. } = &*self.0;
        let mut debug = f.debug_struct("GatekeeperError");
        debug.field("kind", kind).field("message", message);
        if let Some(cause) = cause {
            debug.field("cause", cause);
        }
        debug.finish()
    }
}

impl StdError for GatekeeperError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_maps_every_kind_to_the_documented_code_and_status() {
        let table: Vec<_> =
            ErrorKind::ALL.iter().map(|kind| (kind.status(), kind.code(), kind.key_manager())).collect();
        assert_eq!(
            table,
            [
                (400, "bad_request", Some("invalidBody")),
                (400, "bad_request", Some("invalidId")),
                (401, "unauthorized", Some("authorizationHeaderNotPresent")),
                (401, "unauthorized", Some("apiTokenNotPresent")),
                (401, "unauthorized", Some("invalidAPIToken")),
                (402, "plan_limit", None),
                (403, "forbidden", None),
                (404, "not_found", Some("invalidId")),
                (405, "method_not_allowed", None),
                (409, "conflict", None),
                (413, "payload_too_large", None),
                (415, "unsupported_media_type", None),
                (429, "rate_limited", None),
                (500, "internal", None),
                (503, "service_unavailable", None),
                (503, "service_unavailable", None),
                (0, "connection_error", None),
                (0, "timeout", None),
            ]
        );
    }

    #[test]
    fn the_cause_never_shows_in_the_message() {
        let error = GatekeeperError::internal("disk sector 7");
        assert!(!error.to_string().contains("sector"));
        assert!(error.source().is_some());
    }
}
