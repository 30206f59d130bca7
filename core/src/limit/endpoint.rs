//! Endpoints and their limits, as defined by the caller.

#[cfg(feature = "remote")]
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{GatekeeperError, Result};
use crate::role::{self, RoleSet};
use crate::window::Limit;

/// The name of the default limit among the limits by role, over HTTP.
pub(super) const DEFAULT: &str = "DEFAULT";

/// An endpoint: a default limit, and limits for roles.
///
/// If a key has a role that the endpoint lists, that role's limit replaces the default, even if it is lower. With
/// several such roles, the highest rate wins; then the larger `max_req`; then the role that sorts first by bytes.
///
/// ```
/// use gatekeeper::{Endpoint, Limit};
/// let tasks = Endpoint::new(Limit::new(10, 60_000)?).role("PRO", Limit::new(1000, 60_000)?)?;
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint {
    default: Limit,
    /// Sorted by name.
    roles: Vec<(Arc<str>, Limit)>,
}

impl Endpoint {
    /// An endpoint with the same limit for every key.
    #[must_use]
    pub fn new(default: Limit) -> Self {
        Self { default, roles: Vec::new() }
    }

    /// The same endpoint with `limit` for keys that have the role `name`: 1 to 128 bytes, case-sensitive.
    ///
    /// # Errors
    /// `bad_request` for an invalid role name.
    pub fn role(mut self, name: &str, limit: Limit) -> Result<Self> {
        role::check_name(name).map_err(GatekeeperError::bad_request)?;
        match self.find(name) {
            Ok(index) => {
                if let Some((_, known)) = self.roles.get_mut(index) {
                    *known = limit;
                }
            }
            Err(index) => self.roles.insert(index, (name.into(), limit)),
        }
        Ok(self)
    }

    /// The names of the roles that have a limit here, sorted by bytes.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|(name, _)| &**name)
    }

    /// The endpoint as a verification by a server sends it.
    #[cfg(feature = "remote")]
    pub(crate) fn definition(&self) -> Definition<'_> {
        let roles = self.roles.iter().map(|(name, limit)| (&**name, *limit)).collect();
        Definition { default: self.default, roles }
    }

    /// The limit that `roles` select; none for the default.
    pub(crate) fn choose(&self, roles: &RoleSet) -> Option<SelectedLimit> {
        let named = roles.names().iter().enumerate();
        let selections =
            named.filter_map(|(role, name)| Some(SelectedLimit { role, limit: self.find(name).ok()? }));
        selections
            .reduce(|best, other| if self.rate_is_higher(other.limit, best.limit) { other } else { best })
    }

    /// The limit of a selection.
    pub(crate) fn limit(&self, selected: Option<SelectedLimit>) -> Limit {
        selected.and_then(|selected| self.roles.get(selected.limit)).map_or(self.default, |(_, limit)| *limit)
    }

    /// The longest duration of any limit, in ms: how long admissions are kept.
    pub(crate) fn longest_ms(&self) -> u64 {
        let roles = self.roles.iter().map(|(_, limit)| limit.duration_ms());
        roles.fold(self.default.duration_ms(), u64::max)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.roles.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    /// Whether the rate of the limit at `other` is higher than that at `best`. Rates are compared exactly, by
    /// cross-multiplication. Of equal limits the role that sorts first wins.
    fn rate_is_higher(&self, other: usize, best: usize) -> bool {
        let (Some((_, other)), Some((_, best))) = (self.roles.get(other), self.roles.get(best)) else {
            return false;
        };
        let scaled = |limit: &Limit, by: &Limit| u128::from(limit.max_req()) * u128::from(by.duration_ms());
        (scaled(other, best), other.max_req()) > (scaled(best, other), best.max_req())
    }
}

/// The default limit and the limits by role.
#[cfg(feature = "remote")]
#[derive(serde::Serialize)]
pub(crate) struct Definition<'a> {
    default: Limit,
    roles: BTreeMap<&'a str, Limit>,
}

/// A selected limit: the index of the role in the key's roles, and the index of the limit in the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SelectedLimit {
    pub(crate) role: usize,
    limit: usize,
}

impl SelectedLimit {
    /// The number of bits of a packed selection.
    pub(super) const BITS: u32 = 30;
    /// A key has at most 1,000 roles. A selection that does not fit is not packed.
    const ROLE_BITS: u32 = 10;

    /// The selection as a number below 2³⁰, 0 for the default; none if it does not fit.
    pub(super) fn pack(selected: Option<Self>) -> Option<u64> {
        let Some(Self { role, limit }) = selected else { return Some(0) };
        let fits = role >> Self::ROLE_BITS == 0 && (limit + 1) >> (Self::BITS - Self::ROLE_BITS) == 0;
        fits.then_some(((limit as u64 + 1) << Self::ROLE_BITS) | role as u64)
    }

    #[allow(clippy::cast_possible_truncation, reason = "a packed selection is below 2^30")]
    pub(super) fn unpack(packed: u64) -> Option<Self> {
        let limit = (packed >> Self::ROLE_BITS).checked_sub(1)? as usize;
        Some(Self { role: (packed & ((1 << Self::ROLE_BITS) - 1)) as usize, limit })
    }
}

/// Endpoints by name.
///
/// ```
/// use gatekeeper::Endpoints;
/// let endpoints = Endpoints::from_json(r#"{"GET_TASKS": {"default": {"maxReq": 10, "duration": 60000}}}"#)?;
/// assert_eq!(endpoints.names().collect::<Vec<_>>(), ["GET_TASKS"]);
/// # Ok::<(), gatekeeper::GatekeeperError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Endpoints(pub(super) Vec<(String, Endpoint)>);

impl Endpoints {
    /// An empty set of endpoints.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same endpoints with `endpoint` under `name`, replacing an endpoint of that name.
    #[must_use]
    pub fn define(mut self, name: &str, endpoint: Endpoint) -> Self {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = endpoint,
            None => self.0.push((name.to_owned(), endpoint)),
        }
        self
    }

    /// The names, in the order of definition.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl IntoIterator for Endpoints {
    type Item = (String, Endpoint);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
