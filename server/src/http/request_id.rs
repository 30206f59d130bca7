//! The id of a request: the caller's if it is valid, otherwise a new one. It is in the response headers and in every
//! error.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The maximum length of a caller's id.
const MAX_BYTES: usize = 128;

/// The id of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The caller's id if it consists of 1 to 128 visible ASCII characters, otherwise a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let is_valid =
            |id: &&str| (1..=MAX_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        given.filter(is_valid).map_or_else(Self::new, |id| Self(id.to_owned()))
    }

    /// The id of a request that has passed through `observe`.
    pub(crate) fn of_parts(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_else(Self::new)
    }

    fn new() -> Self {
        Self(gatekeeper::RequestId::new().map_or_else(|_| "req".to_owned(), |id| id.to_string()))
    }
}
