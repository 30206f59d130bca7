//! The result of one check.

use gatekeeper::internal::visible;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// Nothing is wrong, but something could be better.
    Hint,
    /// It works, but may not be intended.
    Warning,
    Error,
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) message: String,
    /// How to fix the problem, if there is one.
    pub(super) fix: Option<String>,
}

impl Finding {
    fn new(check: &'static str, level: Level, message: &str, fix: Option<String>) -> Self {
        Self { check, level, message: visible(message).into_owned(), fix }
    }

    pub(super) fn ok(check: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(check, Level::Ok, message.as_ref(), None)
    }

    pub(super) fn hint(check: &'static str, message: impl AsRef<str>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Hint, message.as_ref(), Some(fix.into()))
    }

    pub(super) fn warning(check: &'static str, message: impl AsRef<str>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Warning, message.as_ref(), Some(fix.into()))
    }

    pub(super) fn error(check: &'static str, message: impl AsRef<str>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Error, message.as_ref(), Some(fix.into()))
    }
}
