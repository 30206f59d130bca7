//! Who a request says it comes from.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use gatekeeper::{Callers, Gatekeeper, Secret};

/// The place, as who the request says it is. More than one credential, and one that cannot be read, is a wrong one.
pub(crate) fn as_caller(place: &Gatekeeper, callers: &Callers, headers: &HeaderMap) -> Gatekeeper {
    match only_credential(headers) {
        None => place.anonymous(),
        Some(Some(token)) => place.with_remembered_token(&Secret::new(token), callers),
        Some(None) => place.with_token(&Secret::new("")),
    }
}

/// The one credential: `Authorization: Bearer`, or `X-API-Key`. Nothing where there is none; nothing in it where there
/// are several, or where it cannot be read.
#[allow(
    clippy::option_option,
    reason = "the outer one says whether there is any, the inner one whether it can be read"
)]
pub(crate) fn only_credential(headers: &HeaderMap) -> Option<Option<&str>> {
    let bearers = headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().ok().and_then(bearer));
    let keys = headers.get_all("x-api-key").iter().map(|value| value.to_str().ok());
    let mut given = bearers.chain(keys);
    let first = given.next()?;
    Some(if given.next().is_some() { None } else { first })
}

/// The credential of the scheme `Bearer` (RFC 6750 §2.1).
fn bearer(value: &str) -> Option<&str> {
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

    #[test]
    fn two_credentials_are_none() {
        let read = |given: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.append(*name, value.parse().unwrap());
            }
            only_credential(&headers).map(|one| one.map(str::to_owned))
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("x-api-key", "x")]), Some(Some("x".to_owned())));
        assert_eq!(read(&[("authorization", "Basic x")]), Some(None));
        for twice in [
            [("authorization", "Bearer x"), ("authorization", "Bearer x")],
            [("authorization", "Bearer x"), ("x-api-key", "x")],
        ] {
            assert_eq!(read(&twice), Some(None));
        }
    }
}
