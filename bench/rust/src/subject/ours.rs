//! Gatekeeper: a key with two roles, one of which selects the limit, and one variable.

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Endpoint, Endpoints, Limit};

use super::{Subject, WINDOW_MS};
use crate::Result;

/// The endpoint that keys are verified for.
pub const ENDPOINT: &str = "GET_TASKS";

/// That endpoint at a limit of `limit` calls an hour.
pub fn endpoints(limit: u32) -> Result<Endpoints> {
    let limit = Limit::new(limit, WINDOW_MS)?;
    Ok(Endpoints::new().define(ENDPOINT, Endpoint::new(limit).role("PRO", limit)?))
}

/// A new key with its id, as text.
pub fn new_key(gatekeeper: &Gatekeeper) -> Result<(String, String)> {
    let roles = vec!["PRO".to_owned(), "TEAM".to_owned()];
    let created = gatekeeper.call(CreateKey { roles, ..CreateKey::new("gk_live") })?;
    Ok((created.id.to_string(), created.api_key.expose().to_owned()))
}

pub(super) struct Ours {
    gatekeeper: Gatekeeper,
    verifier: Verifier,
}

impl Ours {
    pub(super) fn open(gatekeeper: &str, limit: u32) -> Result<Self> {
        let gatekeeper = Gatekeeper::open(gatekeeper)?;
        let verifier = gatekeeper.verifier(endpoints(limit)?)?;
        Ok(Self { gatekeeper, verifier })
    }
}

impl Subject for Ours {
    fn create(&mut self, count: usize) -> Result<Vec<String>> {
        (0..count).map(|_| Ok(new_key(&self.gatekeeper)?.1)).collect()
    }

    fn call(&mut self, key: &String) -> Result<bool> {
        Ok(self.verifier.verify(key, ENDPOINT, &["task_id"])?.ok())
    }
}
