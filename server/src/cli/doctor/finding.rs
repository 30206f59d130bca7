//! What a check found.

use gatekeeper::visible;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// Nothing is wrong; there may be something better.
    Hint,
    /// It works, and may not be what was meant.
    Warning,
    Error,
}

#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    /// How to mend it; none where there is nothing to mend.
    pub(super) mend: Option<String>,
}

impl Finding {
    fn new(check: &'static str, level: Level, found: &str, mend: Option<String>) -> Self {
        Self { check, level, found: visible(found).into_owned(), mend }
    }

    pub(super) fn fine(check: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(check, Level::Ok, found.as_ref(), None)
    }

    pub(super) fn hint(check: &'static str, found: impl AsRef<str>, mend: impl Into<String>) -> Self {
        Self::new(check, Level::Hint, found.as_ref(), Some(mend.into()))
    }

    pub(super) fn warning(check: &'static str, found: impl AsRef<str>, mend: impl Into<String>) -> Self {
        Self::new(check, Level::Warning, found.as_ref(), Some(mend.into()))
    }

    pub(super) fn error(check: &'static str, found: impl AsRef<str>, mend: impl Into<String>) -> Self {
        Self::new(check, Level::Error, found.as_ref(), Some(mend.into()))
    }
}
