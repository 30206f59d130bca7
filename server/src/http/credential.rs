//! Passes the credential headers of a request to the core, which parses them.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderValue};
use gatekeeper::internal::{PresentedCredential, Schemeless};

/// The credential in these headers.
pub(crate) fn presented(headers: &HeaderMap, schemeless: Schemeless) -> PresentedCredential<'_> {
    let values = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    PresentedCredential::read(values(AUTHORIZATION.as_str()), values("x-api-key"), schemeless)
}
