//! Scopes: what an API key may do, here and in the application whose key it is.

use super::permission::{covers, is_ours};
use super::{Context, forbidden};
use crate::access::Actor;
use crate::error::{GatekeeperError, Result};

/// The most scopes of a key, and the longest of them in bytes.
const MOST_SCOPES: usize = 100;
pub(crate) const MOST_BYTES: usize = 128;

/// Checks scopes and sorts them by bytes, each once.
///
/// # Errors
/// `bad_request` for one that is empty, longer than 128 bytes, or holds a space or a control character (RFC 6749 §3.3
/// separates them by spaces); and for more than 100.
pub(crate) fn check_scopes(mut scopes: Vec<String>) -> Result<Vec<String>> {
    let is_good = |scope: &String| {
        !scope.is_empty()
            && scope.len() <= MOST_BYTES
            && !scope.chars().any(|each| each.is_whitespace() || each.is_control())
    };
    if !scopes.iter().all(is_good) {
        return Err(GatekeeperError::bad_request(
            "scopes: each must be 1 to 128 bytes without spaces and control characters",
        ));
    }
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.len() > MOST_SCOPES {
        return Err(GatekeeperError::bad_request(format!(
            "scopes: at most {MOST_SCOPES} are allowed, not {}",
            scopes.len()
        )));
    }
    Ok(scopes)
}

/// Lets the caller give these scopes to a key or a token: nobody gives more than they have. What says nothing about our
/// own resources is the application's, and any member who manages keys may give it.
///
/// # Errors
/// `forbidden`.
pub(crate) fn may_grant(context: &Context<'_>, scopes: &[String]) -> Result<()> {
    let may = |scope: &String| match context.actor() {
        Actor::Operator | Actor::RootKey { .. } => true,
        Actor::User { .. } => context.role().is_some_and(|role| !is_ours(scope) || role.grants(scope)),
        Actor::ApiKey { scopes, .. } => scopes.iter().any(|held| covers(held, scope)),
        Actor::Anonymous => false,
    };
    if scopes.iter().all(may) {
        Ok(())
    } else {
        Err(forbidden("scopes: nobody can give more than they have"))
    }
}
