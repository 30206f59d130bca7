//! The id of a request: the caller's, where it is one, or a new one. It is in the answer's headers and in every error.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a caller.
const MAX_BYTES: usize = 128;

/// The id of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The caller's, if it is 1 to 128 visible ASCII characters; a new one otherwise.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let is_good =
            |id: &&str| (1..=MAX_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        given.filter(is_good).map_or_else(Self::new, |id| Self(id.to_owned()))
    }

    /// That of a request that is observed.
    pub(crate) fn of_parts(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_else(Self::new)
    }

    fn new() -> Self {
        Self(gatekeeper::RequestId::new().map_or_else(|_| "req".to_owned(), |id| id.to_string()))
    }
}
