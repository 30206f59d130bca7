//! The URL of a database.

mod nearest;

use std::path::PathBuf;

use crate::error::{GatekeeperError, Result};

/// The allowed forms, for messages.
const FORMS: &str = "use sqlite:PATH, a plain path, memory:, or http(s)://HOST";

/// The database that a URL names. A URL that looks like a mistyped form is rejected with a suggestion, so that a mistyped
/// server address never creates an empty database.
///
/// ```
/// use gatekeeper::DatabaseUrl;
/// assert_eq!(DatabaseUrl::parse("sqlite:gatekeeper.db")?, DatabaseUrl::File("gatekeeper.db".into()));
/// let rejected = DatabaseUrl::parse("localhost:8787").unwrap_err();
/// assert!(rejected.message().contains("http://localhost:8787"));
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseUrl {
    /// `memory:`, a new database each time.
    Memory,
    /// `sqlite:PATH` or a plain path: a file.
    File(PathBuf),
    /// The `http://` or `https://` URL of a server. It is fully parsed when it is opened.
    Server,
}

/// The reason why a URL is rejected, and the URL that was probably meant.
struct Rejected {
    why: &'static str,
    nearest: Option<String>,
}

impl DatabaseUrl {
    /// Parses a URL. An error suggests the nearest valid form, but never a password, a user or a query of the URL.
    ///
    /// # Errors
    /// `bad_request` for any other form.
    pub fn parse(url: &str) -> Result<Self> {
        if let Some((scheme, _)) = scheme_of(url)
            && nearest::is_of_another_program(scheme, url)
        {
            let message = format!("url: {scheme}: is not a database that this version opens: {FORMS}");
            return Err(GatekeeperError::bad_request(message));
        }
        read(url).map_err(|Rejected { why, nearest }| {
            let advice = match nearest.filter(|nearest| nearest::is_safe_to_show(nearest)) {
                Some(nearest) => format!("did you mean {nearest}?"),
                None => FORMS.to_owned(),
            };
            GatekeeperError::bad_request(format!("url: {why}: {advice}"))
        })
    }
}

fn read(url: &str) -> std::result::Result<DatabaseUrl, Rejected> {
    nearest::check_text(url)?;
    match scheme_of(url) {
        #[cfg(feature = "remote")]
        Some((scheme, _)) if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            Ok(DatabaseUrl::Server)
        }
        Some(("memory", "")) => Ok(DatabaseUrl::Memory),
        Some(("sqlite", path)) => match path.strip_prefix("//") {
            None => file(path),
            Some(path) if path.starts_with('/') => file(path),
            Some(path) => Err(Rejected {
                why: "sqlite:// is followed by a host name, and a file has none",
                nearest: file(path).ok().map(|_| format!("sqlite:{path}")),
            }),
        },
        Some((scheme, rest)) => Err(nearest::of_scheme(scheme, rest, url)),
        None => file(url),
    }
}

fn file(path: &str) -> std::result::Result<DatabaseUrl, Rejected> {
    nearest::check_path(path)?;
    Ok(DatabaseUrl::File(PathBuf::from(path)))
}

/// The scheme and what follows the colon (RFC 3986 §3.1); one letter is a drive, not a scheme.
fn scheme_of(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests;
