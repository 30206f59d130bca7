//! Compiled endpoints by name.

use std::collections::HashMap;

use super::compiled::CompiledEndpoint;
use crate::error::{GatekeeperError, Result};
use crate::limit::Endpoints;

/// The endpoints of a verifier, or of a client.
pub(crate) struct CompiledEndpoints(HashMap<String, CompiledEndpoint, foldhash::fast::RandomState>);

impl CompiledEndpoints {
    pub(crate) fn new(endpoints: Endpoints) -> Self {
        let endpoints = endpoints.into_iter().map(|(name, endpoint)| {
            let endpoint = CompiledEndpoint::new(&name, endpoint);
            (name, endpoint)
        });
        Self(endpoints.collect())
    }

    /// The endpoint with this name.
    ///
    /// # Errors
    /// `bad_request` if it is not defined.
    #[inline]
    pub(crate) fn get(&self, name: &str) -> Result<&CompiledEndpoint> {
        self.0.get(name).ok_or_else(|| never_defined(self.0.keys()))
    }
}

/// The error for an undefined endpoint. It lists the defined ones and does not repeat the given name, which may be a key
/// that was passed by mistake.
#[cold]
pub(crate) fn never_defined<'a>(names: impl Iterator<Item = &'a String>) -> GatekeeperError {
    let mut names: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
    names.sort_unstable();
    if names.len() > 10 {
        names.truncate(10);
        names.push("…".to_owned());
    }
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    GatekeeperError::bad_request(format!("endpoint was never defined; defined: {known}"))
}
