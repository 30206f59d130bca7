//! Who a request says it comes from.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use gatekeeper::{Gatekeeper, Secret};

/// The place, as who the request says it is: `Authorization: Bearer`, or `X-API-Key`. More than one credential, and one
/// that cannot be read, is a wrong one.
pub(crate) fn as_caller(place: &Gatekeeper, headers: &HeaderMap) -> Gatekeeper {
    let given: Vec<Option<&str>> = headers
        .get_all(AUTHORIZATION)
        .iter()
        .map(|value| value.to_str().ok().and_then(bearer))
        .chain(headers.get_all("x-api-key").iter().map(|value| value.to_str().ok()))
        .collect();
    match given.as_slice() {
        [] => place.anonymous(),
        [Some(token)] => place.with_token(&Secret::new(*token)),
        _ => place.with_token(&Secret::new("")),
    }
}

/// The credential of the scheme `Bearer` (RFC 6750 §2.1).
pub(crate) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let is_token = !token.is_empty() && !token.contains(' ');
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_one_token_after_its_scheme() {
        assert_eq!(bearer("Bearer x"), Some("x"));
        assert_eq!(bearer("bearer x"), Some("x"));
        for wrong in ["", "Bearer", "Bearer ", "Bearer x y", "Bearer  x", "Basic x", "x"] {
            assert_eq!(bearer(wrong), None, "{wrong:?}");
        }
    }
}
