//! The headers that may hold a credential, for the core's one parser of them.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderValue};
use gatekeeper::guard::{PresentedCredential, Schemeless};

/// The credential that these headers present.
pub(crate) fn presented(headers: &HeaderMap, schemeless: Schemeless) -> PresentedCredential<'_> {
    let values = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    PresentedCredential::read(values(AUTHORIZATION.as_str()), values("x-api-key"), schemeless)
}
