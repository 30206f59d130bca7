//! Compiled endpoints by name.

use std::collections::HashMap;

use super::compiled::CompiledEndpoint;
use super::options::EndpointRef;
use crate::error::{GatekeeperError, Result};
use crate::limit::Endpoints;

/// The endpoints of a verifier, or of a client, in the order in which they were defined.
pub(crate) struct CompiledEndpoints {
    endpoints: Vec<CompiledEndpoint>,
    indexes: HashMap<String, usize, foldhash::fast::RandomState>,
}

impl CompiledEndpoints {
    pub(crate) fn new(endpoints: Endpoints) -> Self {
        let (names, endpoints): (Vec<_>, Vec<_>) = endpoints
            .into_iter()
            .map(|(name, endpoint)| {
                let endpoint = CompiledEndpoint::new(&name, endpoint);
                (name, endpoint)
            })
            .unzip();
        let indexes = names.into_iter().enumerate().map(|(index, name)| (name, index)).collect();
        Self { endpoints, indexes }
    }

    /// The index of an endpoint, if it is defined.
    #[inline]
    pub(crate) fn index(&self, endpoint: EndpointRef<'_>) -> Option<usize> {
        match endpoint {
            EndpointRef::Name(name) => self.indexes.get(name).copied(),
            EndpointRef::Index(index) => Some(index),
        }
    }

    /// The endpoint with this index.
    ///
    /// # Errors
    /// `bad_request` if there is none.
    #[inline]
    pub(crate) fn at(&self, index: Option<usize>) -> Result<&CompiledEndpoint> {
        index.and_then(|index| self.endpoints.get(index)).ok_or_else(|| never_defined(self.indexes.keys()))
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
