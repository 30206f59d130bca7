//! The credential that is sent to a server.

use std::fmt;

use reqwest::header::HeaderValue;

use crate::error::Result;
use crate::secret::Secret;
use crate::verify::{empty_root_key, no_root_key, wrong_root_key};

/// The credential of a call.
#[derive(Clone)]
pub(super) enum Credential {
    None,
    /// A root key; none if it is the empty string.
    RootKey(Option<HeaderValue>),
    /// A token.
    Token(Option<HeaderValue>),
}

/// The replacement of a credential that a header cannot contain. It is never valid.
const WRONG: HeaderValue = HeaderValue::from_static("Bearer ?");

impl Credential {
    pub(super) fn root_key(key: &Secret) -> Self {
        Self::RootKey(bearer(key))
    }

    pub(super) fn token(token: &Secret) -> Self {
        Self::Token(bearer(token))
    }

    pub(super) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The header of a call to a service.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::None => None,
            Self::RootKey(bearer) | Self::Token(bearer) => Some(bearer.clone().unwrap_or(WRONG)),
        }
    }

    /// The header of a call to the key manager.
    ///
    /// # Errors
    /// `unauthorized` if a header could not carry the credential, with the message of an embedded database.
    pub(super) fn as_root_key(&self) -> Result<HeaderValue> {
        match self {
            Self::None => Err(no_root_key()),
            Self::RootKey(None) => Err(empty_root_key()),
            Self::Token(None) => Err(wrong_root_key()),
            Self::RootKey(Some(bearer)) | Self::Token(Some(bearer)) => Ok(bearer.clone()),
        }
    }
}

/// `Authorization: Bearer`; none for the empty string. A credential that a header cannot contain unchanged is never valid.
fn bearer(secret: &Secret) -> Option<HeaderValue> {
    let secret = secret.expose();
    if secret.is_empty() {
        return None;
    }
    let is_visible = secret.bytes().all(|byte| byte.is_ascii_graphic());
    let header = is_visible.then(|| HeaderValue::try_from(format!("Bearer {secret}")).ok()).flatten();
    let mut header = header.unwrap_or(WRONG);
    header.set_sensitive(true);
    Some(header)
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::RootKey(_) => "RootKey([redacted])",
            Self::Token(_) => "Token([redacted])",
        })
    }
}
