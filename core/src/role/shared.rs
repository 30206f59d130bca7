//! Sharing of equal role sets, so that a million keys with the same roles use one set, and the results cached for
//! it.

use std::sync::{Arc, Mutex};

use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::RoleSet;
use crate::fork::{ForkGuards, lock};

/// How many bytes of names are cached. Beyond that a set is created again, which only takes time.
const MAX_BYTES: u64 = 8 << 20;

/// The role sets in use.
pub(crate) struct RoleSets(Mutex<Sets>);

type Sets = Cache<Vec<String>, Arc<RoleSet>, Bytes>;

#[derive(Clone)]
struct Bytes;

impl Weighter<Vec<String>, Arc<RoleSet>> for Bytes {
    fn weight(&self, names: &Vec<String>, _: &Arc<RoleSet>) -> u64 {
        // Each name is stored twice, each time with a header.
        names.iter().map(|name| 2 * name.len() as u64 + 64).sum::<u64>() + 128
    }
}

impl RoleSets {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Cache::with_weighter(1000, MAX_BYTES, Bytes)))
    }

    /// The shared set of these names, which must be sorted and without duplicates.
    pub(crate) fn share(&self, names: Vec<String>) -> Arc<RoleSet> {
        let mut sets = lock(&self.0);
        if let Some(set) = sets.get(&names) {
            return Arc::clone(set);
        }
        let set = Arc::new(RoleSet::new(names.iter().map(|name| name.as_str().into())));
        sets.insert(names, Arc::clone(&set));
        set
    }

    /// Locks the sets, for a fork.
    pub(crate) fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_are_shared_and_the_memory_is_bounded() {
        let sets = RoleSets::new();
        let names = || vec!["A".to_owned(), "B".to_owned()];
        assert!(Arc::ptr_eq(&sets.share(names()), &sets.share(names())));
        for number in 0..100_000 {
            sets.share(vec![format!("role {number}")]);
        }
        assert!(lock(&sets.0).weight() <= MAX_BYTES);
    }
}
