//! Scopes: what an API key may do, here and in the application whose key it is.

use crate::error::{GatekeeperError, Result};

/// The most scopes of a key, and the longest of them in bytes.
const MAX_SCOPES: usize = 100;
pub(crate) const MAX_BYTES: usize = 128;

/// Checks scopes and sorts them by bytes, each once.
///
/// # Errors
/// `bad_request` for one that is empty, longer than 128 bytes, or holds a space or a control character (RFC 6749 §3.3
/// separates them by spaces); and for more than 100.
pub(crate) fn check_scopes(mut scopes: Vec<String>) -> Result<Vec<String>> {
    let is_valid = |scope: &String| {
        !scope.is_empty()
            && scope.len() <= MAX_BYTES
            && !scope.chars().any(|each| each.is_whitespace() || each.is_control())
    };
    if !scopes.iter().all(is_valid) {
        return Err(GatekeeperError::bad_request(
            "scopes: each must be 1 to 128 bytes without spaces and control characters",
        ));
    }
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.len() > MAX_SCOPES {
        return Err(GatekeeperError::bad_request(format!(
            "scopes: at most {MAX_SCOPES} are allowed, not {}",
            scopes.len()
        )));
    }
    Ok(scopes)
}
