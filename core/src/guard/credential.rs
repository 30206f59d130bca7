//! The credential that a request presents: the one parser of `Authorization` and `X-API-Key`.

use std::fmt;

use crate::error::{GatekeeperError, Result};
use crate::secret::Secret;

const BEARER: &[u8] = b"bearer";

/// The credential in the headers of a request, before it is checked.
///
/// A credential follows `Authorization: Bearer` (RFC 6750 §2.1), or is the value of `X-API-Key`. Generated clients
/// often send both headers: the same credential twice counts as one. `Authorization` with another scheme, such as a
/// proxy's `Basic`, is meant for another layer and is not read.
///
/// ```
/// use gatekeeper::internal::{PresentedCredential, Schemeless};
///
/// let read = |authorization: &'static [u8]| {
///     PresentedCredential::read([authorization], [], Schemeless::Ignored)
/// };
/// assert_eq!(read(b"Bearer user_xxx"), PresentedCredential::One("user_xxx"));
/// assert_eq!(read(b"Basic dXNlcjpwYXNz"), PresentedCredential::OtherScheme);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PresentedCredential<'a> {
    /// No header has a credential.
    None,
    /// One credential. It is empty if the header has no value after the scheme, such as `Authorization: Bearer`.
    One(&'a str),
    /// `Authorization` with another scheme, and no other credential.
    OtherScheme,
    /// A header that cannot be read as one credential.
    Unreadable,
    /// Two different credentials.
    Different,
}

/// How to read an `Authorization` header that has a credential without a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schemeless {
    /// As the credential. The key manager's REST API has always accepted this.
    Read,
    /// As a header for another layer.
    Ignored,
}

impl<'a> PresentedCredential<'a> {
    /// Reads all `Authorization` and `X-API-Key` headers of a request.
    pub fn read(
        authorization: impl IntoIterator<Item = &'a [u8]>,
        api_key: impl IntoIterator<Item = &'a [u8]>,
        schemeless: Schemeless,
    ) -> Self {
        let authorization = authorization.into_iter().map(|value| Self::of_authorization(value, schemeless));
        let api_key = api_key.into_iter().map(Self::only);
        authorization.chain(api_key).fold(Self::None, Self::and)
    }

    /// The API key that a gateway or a framework verifies. Without one, it is empty, which is never valid.
    ///
    /// # Errors
    /// `unauthorized` for two different credentials.
    pub fn api_key(self) -> Result<Secret> {
        match self {
            Self::One(key) => Ok(Secret::new(key)),
            Self::None | Self::OtherScheme | Self::Unreadable => Ok(Secret::new("")),
            Self::Different => Err(GatekeeperError::different_credentials()),
        }
    }

    fn of_authorization(value: &'a [u8], schemeless: Schemeless) -> Self {
        let value = value.trim_ascii();
        let end = value.iter().position(|byte| is_blank(*byte)).unwrap_or(value.len());
        let (scheme, token) = value.split_at_checked(end).unwrap_or((value, &[]));
        match scheme {
            bearer if bearer.eq_ignore_ascii_case(BEARER) => Self::only(token),
            only if token.is_empty() && (only.is_empty() || schemeless == Schemeless::Read) => {
                Self::only(only)
            }
            _ => Self::OtherScheme,
        }
    }

    fn only(value: &'a [u8]) -> Self {
        let value = value.trim_ascii();
        let text = str::from_utf8(value).ok().filter(|_| value.iter().all(u8::is_ascii_graphic));
        text.map_or(Self::Unreadable, Self::One)
    }

    /// Combines the credentials of two headers. Comparing them reveals nothing, since the same client sent both.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None | Self::OtherScheme, other) => other,
            (one, Self::OtherScheme) => one,
            (one, other) if one == other => one,
            // Generated clients send an empty header for an unset field, which is not a second credential.
            (one, Self::One("")) | (Self::One(""), one) => one,
            _ => Self::Different,
        }
    }
}

impl fmt::Debug for PresentedCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::One("") => "One(\"\")",
            Self::One(_) => "One([redacted])",
            Self::OtherScheme => "OtherScheme",
            Self::Unreadable => "Unreadable",
            Self::Different => "Different",
        })
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const KEY: &str = "user_key";

    /// The name of the outcome in the table, for the headers of a case.
    fn outcome(case: &Value, schemeless: Schemeless) -> &'static str {
        let sent = |name: &str| -> Vec<Vec<u8>> {
            let headers = case["headers"].as_array().unwrap().iter().filter(|header| header[0] == name);
            let values = headers.map(|header| header[1].as_str().unwrap());
            let values = values.map(|value| value.replace("KEY", KEY).replace("OTHER", "another_key"));
            // One byte per character, as a client sends it.
            values.map(|value| value.chars().map(|letter| u8::try_from(letter).unwrap()).collect()).collect()
        };
        let (authorization, api_key) = (sent("Authorization"), sent("X-API-Key"));
        let authorization = authorization.iter().map(Vec::as_slice);
        match PresentedCredential::read(authorization, api_key.iter().map(Vec::as_slice), schemeless) {
            PresentedCredential::One(KEY) => "key",
            PresentedCredential::Different => "two",
            _ => "none",
        }
    }

    #[test]
    fn every_case_of_the_table_has_its_outcome() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/credentials.json");
        let table: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let cases = table["cases"].as_array().unwrap();
        assert!(cases.len() >= 50);
        for case in cases {
            assert_eq!(outcome(case, Schemeless::Ignored), case["expect"], "{case}");
            let bare = case.get("withoutScheme").unwrap_or(&case["expect"]);
            assert_eq!(outcome(case, Schemeless::Read), *bare, "{case}");
        }
    }

    #[test]
    fn an_empty_credential_differs_from_none_and_from_another_scheme() {
        let read = |value: &'static [u8], schemeless| PresentedCredential::read([value], [], schemeless);
        assert_eq!(read(b"Digest username=\"\xe9\"", Schemeless::Read), PresentedCredential::OtherScheme);
        for schemeless in [Schemeless::Read, Schemeless::Ignored] {
            for empty in [&b"Bearer"[..], b"Bearer ", b"bearer \t", b"", b" "] {
                assert_eq!(read(empty, schemeless), PresentedCredential::One(""), "{empty:?}");
            }
            assert_eq!(PresentedCredential::read([], [], schemeless), PresentedCredential::None);
            assert_eq!(read(b"Basic eDp5", schemeless), PresentedCredential::OtherScheme);
            assert_eq!(read(b"Bearer x y", schemeless), PresentedCredential::Unreadable);
        }
    }

    #[test]
    fn a_credential_is_in_no_debug_text() {
        let read = PresentedCredential::read([&b"Bearer canary"[..]], [], Schemeless::Ignored);
        assert_eq!(format!("{read:?}"), "One([redacted])");
    }
}
