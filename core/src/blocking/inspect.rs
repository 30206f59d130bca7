//! Inspection of an embedded database, which does not change it.

use super::Gatekeeper;
use crate::database::Database;
use crate::error::Result;
use crate::store::MissingRow;
use crate::window::Limit;

/// The result of [`Gatekeeper::inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// Whether there is a root key.
    pub has_root_key: bool,
    /// Rows that operations require and that are missing.
    pub missing_rows: Vec<MissingRow>,
    /// The signing keys; none if there is no secret yet.
    pub sealed: Option<SealedRows>,
}

/// The numbers of signing keys, by the secret that they are sealed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedRows {
    /// The number of signing keys.
    pub total: usize,
    /// The number of keys that only the previous secret opens. The next process that signs seals them with the current one.
    pub with_previous: usize,
    /// The number of keys that no secret opens. They are skipped.
    pub unopened: usize,
    /// Whether running processes use the database with another secret.
    pub other_secret_in_use: bool,
}

impl Gatekeeper {
    /// Inspects an embedded database: whether its store and counters work, whether all required rows exist, and whether
    /// the secret opens the signing keys. Creates neither a secret nor a signing key. For the operator only.
    ///
    /// ```
    /// let gatekeeper = gatekeeper::blocking::Gatekeeper::open("memory:")?;
    /// assert!(gatekeeper.inspect()?.missing_rows.is_empty());
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` for a server, and for a secret that is too short;
    /// `service_unavailable` if the store or the counters do not work.
    pub fn inspect(&self) -> Result<Inspection> {
        let embedded = self.embedded("inspect")?;
        embedded.as_operator()?;
        let database = embedded.database();
        let (has_root_key, missing_rows) =
            database.store().read_rows(|rows| Ok((rows.has_root_key()?, rows.missing()?)))?;
        let mut sealed = None;
        // Nothing else works without them.
        if missing_rows.is_empty() {
            database.engine().acquire_unkeyed("ready", "", Limit::new(u32::MAX, 1)?)?;
            sealed = sealed_rows(database)?;
        }
        Ok(Inspection { has_root_key, missing_rows, sealed })
    }
}

fn sealed_rows(database: &Database) -> Result<Option<SealedRows>> {
    let Some(vault) = database.existing_vault()? else { return Ok(None) };
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime only")]
    let rows = database.store().read_rows(|rows| rows.signing_keys())?;
    let in_use = database.store().shared().secret_in_use()?;
    let mut sealed = SealedRows {
        total: rows.len(),
        other_secret_in_use: in_use.is_some_and(|tag| tag != *vault.tag()),
        ..SealedRows::default()
    };
    for row in rows {
        sealed.unopened += usize::from(vault.unseal(&row.id, &row.private_key).is_none());
        sealed.with_previous += usize::from(vault.reseal(&row.id, &row.private_key)?.is_some());
    }
    Ok(Some(sealed))
}
