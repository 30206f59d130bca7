//! Roles: names on a key that select its rate limit.

mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{GatekeeperError, Result};
pub(crate) use shared::RoleSets;

/// The maximum number of roles of a key.
const MAX_ROLES: usize = 1000;
/// The maximum length of a role's name, in bytes of UTF-8.
pub(crate) const MAX_BYTES: usize = 128;

/// The roles of a key, sorted by bytes, without duplicates. Keys with equal roles usually share one set.
#[derive(Debug)]
pub(crate) struct RoleSet {
    /// A serial that no other set ever has, so that results computed for this set can be cached by it.
    serial: u64,
    names: Box<[Arc<str>]>,
}

impl RoleSet {
    /// A set of names that are already sorted and unique.
    pub(crate) fn new(names: impl IntoIterator<Item = Arc<str>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { serial: NEXT.fetch_add(1, Relaxed), names: names.into_iter().collect() }
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The names, sorted by bytes.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.names
    }
}

/// Checks role names, sorts them by bytes and removes duplicates.
///
/// # Errors
/// `bad_request` for a name that is empty, longer than 128 bytes or contains U+0000, and for more than 1,000 names.
pub(crate) fn normalize(mut roles: Vec<String>) -> Result<Vec<String>> {
    for role in &roles {
        check_name(role).map_err(|problem| GatekeeperError::bad_request(format!("roles: {problem}")))?;
    }
    roles.sort_unstable();
    roles.dedup();
    if roles.len() > MAX_ROLES {
        return Err(GatekeeperError::bad_request(format!(
            "roles: a key has at most {MAX_ROLES}, not {}",
            roles.len()
        )));
    }
    Ok(roles)
}

/// Checks a role's name. The error says what is wrong with it.
pub(crate) fn check_name(role: &str) -> Result<(), &'static str> {
    match role {
        "" => Err("a role's name must not be empty"),
        name if name.len() > MAX_BYTES => Err("a role's name must not be longer than 128 bytes"),
        name if name.contains('\0') => Err("a role's name must not contain U+0000"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("role {number}")).collect()
    }

    #[test]
    fn roles_are_sorted_by_bytes_without_duplicates() {
        let roles = ["b", "B", "é", "b", "a"].map(String::from).to_vec();
        assert_eq!(normalize(roles).unwrap(), ["B", "a", "b", "é"]);
    }

    #[test]
    fn duplicates_do_not_count_and_more_than_a_thousand_names_are_rejected() {
        assert_eq!(normalize(vec!["PRO".to_owned(); 10_000]).unwrap(), ["PRO"]);
        assert_eq!(normalize(names(1000)).unwrap().len(), 1000);
        assert!(normalize(names(1001)).unwrap_err().message().contains("at most 1000"));
    }

    #[test]
    fn a_name_is_1_to_128_bytes_of_anything_but_nul() {
        assert!(normalize(vec!["🦊".repeat(32)]).is_ok());
        for bad in [String::new(), "🦊".repeat(33), "a\0b".to_owned()] {
            assert!(normalize(vec![bad]).is_err());
        }
    }
}
