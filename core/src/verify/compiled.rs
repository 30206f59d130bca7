//! An endpoint in the form that verification uses.

use crate::counters::SlotName;
use crate::id::KeyId;
use crate::limit::{Endpoint, SelectedLimit, SelectedLimits};
use crate::role::RoleSet;
use crate::window::Limit;

/// An endpoint with its name and a cache of the limits that it has selected.
pub(crate) struct CompiledEndpoint {
    name: Box<str>,
    endpoint: Endpoint,
    /// None if the endpoint is used for a single call.
    selections: Option<SelectedLimits>,
    keep_ms: u64,
}

impl CompiledEndpoint {
    /// An endpoint for many verifications.
    pub(crate) fn new(name: &str, endpoint: Endpoint) -> Self {
        Self { selections: Some(SelectedLimits::new()), ..Self::of_one_call(name, endpoint) }
    }

    /// An endpoint for a single verification.
    pub(crate) fn of_one_call(name: &str, endpoint: Endpoint) -> Self {
        Self { name: name.into(), keep_ms: endpoint.longest_ms(), selections: None, endpoint }
    }

    /// The role that selects the limit, and the limit.
    pub(super) fn choose(&self, roles: &RoleSet) -> (Option<SelectedLimit>, Limit) {
        let selected = match &self.selections {
            Some(selections) => selections.choose(&self.endpoint, roles),
            None => self.endpoint.choose(roles),
        };
        (selected, self.endpoint.limit(selected))
    }

    /// How long entries are kept: the longest duration of any of the limits, in ms.
    pub(super) fn keep_ms(&self) -> u64 {
        self.keep_ms
    }

    /// The slot of a key and `variables` at this endpoint.
    pub(super) fn slot<V: AsRef<str>>(&self, secret: &[u8; 16], key: KeyId, variables: &[V]) -> SlotName {
        SlotName::new(secret, &self.name, key, variables)
    }
}
