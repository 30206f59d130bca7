//! Scopes: what an API key may do, in Gatekeeper and in the application that it belongs to.

use crate::error::{GatekeeperError, Result};

/// The maximum number of scopes of a key, and the maximum length of one in bytes.
const MAX_SCOPES: usize = 100;
pub(crate) const MAX_SCOPE_BYTES: usize = 128;

/// Whether `granted` implies `wanted`: they are equal, or `granted` has `*` where they differ.
pub(crate) fn covers(granted: &str, wanted: &str) -> bool {
    if granted == wanted || granted == "*" || granted == "*:*" {
        return true;
    }
    match (granted.split_once(':'), wanted.split_once(':')) {
        (Some((resource, "*")), Some((wanted, _))) => resource == wanted,
        (Some(("*", action)), Some((_, wanted))) => action == wanted && wanted != "*",
        _ => false,
    }
}

/// Checks scopes, sorts them by bytes and removes duplicates.
///
/// # Errors
/// `bad_request` if one is empty, longer than 128 bytes, or contains a space or a control character (RFC 6749 §3.3
/// separates scopes by spaces); and for more than 100.
pub(crate) fn check_scopes(mut scopes: Vec<String>) -> Result<Vec<String>> {
    check_each(&scopes)?;
    scopes.sort_unstable();
    scopes.dedup();
    match scopes.len() {
        0..=MAX_SCOPES => Ok(scopes),
        many => Err(too_many(many)),
    }
}

/// Checks scopes as [`check_scopes`] does, but leaves them in place.
///
/// # Errors
/// As for [`check_scopes`].
#[inline]
pub(crate) fn check_required_scopes<S: AsRef<str>>(scopes: &[S]) -> Result<()> {
    if scopes.len() > MAX_SCOPES {
        // Duplicates do not count.
        return check_scopes(scopes.iter().map(|scope| scope.as_ref().to_owned()).collect()).map(drop);
    }
    check_each(scopes)
}

fn check_each<S: AsRef<str>>(scopes: &[S]) -> Result<()> {
    if scopes.iter().all(|scope| is_valid(scope.as_ref())) {
        return Ok(());
    }
    Err(GatekeeperError::bad_request(
        "scopes: each must be 1 to 128 bytes without spaces and control characters",
    ))
}

fn is_valid(scope: &str) -> bool {
    let is_separator = |each: char| each.is_whitespace() || each.is_control();
    !scope.is_empty() && scope.len() <= MAX_SCOPE_BYTES && !scope.contains(is_separator)
}

fn too_many(count: usize) -> GatekeeperError {
    GatekeeperError::bad_request(format!("scopes: at most {MAX_SCOPES} are allowed, not {count}"))
}
