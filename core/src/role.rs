//! Roles: names on a key that choose its limit.

mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{GatekeeperError, Result};
pub(crate) use shared::RoleSets;

/// The most roles a key can have.
const MAX_ROLES: usize = 1000;
/// The longest role name, in bytes of UTF-8.
pub(crate) const MAX_BYTES: usize = 128;

/// A key's roles: sorted by bytes, each once. Equal sets are mostly one.
#[derive(Debug)]
pub(crate) struct RoleSet {
    /// Never used again for another set: what was worked out for it stays true.
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

/// Checks role names and sorts them by bytes, each once.
///
/// # Errors
/// `bad_request` for a name that is empty, longer than 128 bytes or carries U+0000, and for more than 1,000 names.
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

/// What is wrong with a role's name, if anything.
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
    fn roles_are_sorted_by_bytes_and_each_kept_once() {
        let roles = ["b", "B", "é", "b", "a"].map(String::from).to_vec();
        assert_eq!(normalize(roles).unwrap(), ["B", "a", "b", "é"]);
    }

    #[test]
    fn a_repetition_is_not_counted_but_a_thousand_and_one_names_are_too_many() {
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
