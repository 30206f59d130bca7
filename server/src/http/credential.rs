//! The credential that a request shows: the one reading of its headers, for `/check`, `/v1` and `/api/v1` alike.
//!
//! A credential is what follows `Authorization: Bearer` (RFC 6750 §2.1), or stands in `X-API-Key`. Clients that were
//! generated from the `OpenAPI` document fill in both: the same one twice is one. What another scheme carries belongs to
//! another layer, such as a proxy's `Basic`.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use gatekeeper::{Callers, Gatekeeper, GatekeeperError, Secret};

const API_KEY: &str = "x-api-key";
const BEARER: &str = "bearer";

/// What a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown<'a> {
    Nothing,
    /// A credential; empty where only its scheme was sent.
    One(&'a str),
    /// What another scheme carries, and nothing else.
    Foreign,
    /// Something that cannot be read as one.
    Unreadable,
    /// Two that differ.
    Different,
}

/// Whether `Authorization` may hold a credential without a scheme, as the key manager's API has always read it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    Read,
    Ignored,
}

impl<'a> Shown<'a> {
    pub(crate) fn by(headers: &'a HeaderMap, bare: Bare) -> Self {
        let bearers = headers.get_all(AUTHORIZATION).iter();
        let bearers =
            bearers.map(|value| value.to_str().map_or(Self::Unreadable, |value| bearer(value.trim(), bare)));
        let keys = headers.get_all(API_KEY).iter().map(|value| value.to_str().map_or(Self::Unreadable, one));
        bearers.chain(keys).fold(Self::Nothing, Self::and)
    }

    /// What both show.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing | Self::Foreign, other) => other,
            (one, Self::Foreign) => one,
            (one, other) if one == other => one,
            // A form that was left empty is no other credential.
            (one, Self::One("")) | (Self::One(""), one) => one,
            _ => Self::Different,
        }
    }

    /// The backend's client for a caller who shows this.
    pub(crate) fn caller(self, place: &Gatekeeper, callers: &Callers) -> Gatekeeper {
        match self {
            Self::Nothing => place.anonymous(),
            Self::One(token) => place.with_remembered_token(&Secret::new(token), callers),
            Self::Foreign | Self::Unreadable => place.with_token(&Secret::new("?")),
            Self::Different => place.with_different_credentials(),
        }
    }

    /// A user's key that a gateway passes on; an empty one where there is none.
    ///
    /// # Errors
    /// `unauthorized` for two that differ.
    pub(crate) fn key(self) -> Result<Secret, GatekeeperError> {
        match self {
            Self::One(key) => Ok(Secret::new(key)),
            Self::Nothing | Self::Foreign | Self::Unreadable => Ok(Secret::new("")),
            Self::Different => Err(GatekeeperError::different_credentials()),
        }
    }
}

/// What an `Authorization` shows.
fn bearer(value: &str, bare: Bare) -> Shown<'_> {
    let (scheme, token) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    match scheme {
        bearer if bearer.eq_ignore_ascii_case(BEARER) => one(token),
        only if bare == Bare::Read && token.is_empty() => one(only),
        _ => Shown::Foreign,
    }
}

fn one(value: &str) -> Shown<'_> {
    match value.trim() {
        several if several.contains([' ', '\t']) => Shown::Unreadable,
        only => Shown::One(only),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn shown(given: &[(&'static str, &str)], bare: Bare) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        format!("{:?}", Shown::by(&headers, bare))
    }

    #[test]
    fn a_bearer_is_one_token_after_its_scheme() {
        for (value, read) in [
            ("Bearer x", r#"One("x")"#),
            ("bEARER x", r#"One("x")"#),
            ("Bearer  \tx ", r#"One("x")"#),
            ("Bearer", r#"One("")"#),
            ("Bearer ", r#"One("")"#),
            ("Bearer x y", "Unreadable"),
            ("Bearer \u{e9}", "Unreadable"),
            ("Basic x", "Foreign"),
            ("Token x", "Foreign"),
            ("x", "Foreign"),
            ("", "Foreign"),
        ] {
            assert_eq!(shown(&[("authorization", value)], Bare::Ignored), read, "{value:?}");
        }
    }

    #[test]
    fn without_a_scheme_it_is_read_where_the_key_managers_api_is() {
        for (value, read) in [("x", r#"One("x")"#), ("Bearer x", r#"One("x")"#), ("Bearer", r#"One("")"#)] {
            assert_eq!(shown(&[("authorization", value)], Bare::Read), read, "{value:?}");
        }
        assert_eq!(shown(&[("authorization", "Basic x")], Bare::Read), "Foreign");
    }

    #[test]
    fn the_same_credential_twice_is_one_and_two_that_differ_are_none() {
        let both = |authorization, key| {
            shown(&[("authorization", authorization), ("x-api-key", key)], Bare::Ignored)
        };
        assert_eq!(both("Bearer x", "x"), r#"One("x")"#);
        assert_eq!(both("Basic y", "x"), r#"One("x")"#);
        assert_eq!(both("Bearer x", ""), r#"One("x")"#);
        assert_eq!(both("Bearer", "x"), r#"One("x")"#);
        assert_eq!(both("Bearer x", "y"), "Different");
        assert_eq!(both("Bearer x y", "x"), "Different");
        let twice = [("authorization", "Bearer x"), ("authorization", "Bearer x")];
        assert_eq!(shown(&twice, Bare::Ignored), r#"One("x")"#);
        let other = [("authorization", "Bearer x"), ("authorization", "Bearer y"), ("x-api-key", "x")];
        assert_eq!(shown(&other, Bare::Ignored), "Different");
    }
}
