//! Scopes: what an API key may do, in Gatekeeper and in the application that it belongs to.

use crate::error::{GatekeeperError, Result};

/// The maximum number of scopes of a key, and the maximum length of one in bytes.
const MAX_SCOPES: usize = 100;
pub(crate) const MAX_BYTES: usize = 128;

/// Checks scopes, sorts them by bytes and removes duplicates.
///
/// # Errors
/// `bad_request` if one is empty, longer than 128 bytes, or contains a space or a control character (RFC 6749 §3.3
/// separates scopes by spaces); and for more than 100.
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
