//! What an operator should know of an embedded database, found without changing it.

use super::Gatekeeper;
use crate::database::Database;
use crate::error::Result;
use crate::store::MissingRow;
use crate::window::Limit;

/// What [`Gatekeeper::inspect`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// Whether there is a root key.
    pub has_root_key: bool,
    /// Rows that operations rely on and that are not there.
    pub missing_rows: Vec<MissingRow>,
    /// The signing keys and the secret; none where there is no secret yet.
    pub sealed: Option<SealedRows>,
}

/// Signing keys by the secret that they are sealed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedRows {
    /// How many there are.
    pub total: usize,
    /// How many open with the secret before only; the next process that signs seals them with the current one.
    pub with_previous: usize,
    /// How many do not open. They are skipped.
    pub unopened: usize,
    /// Whether running processes use the database with another secret.
    pub other_secret_in_use: bool,
}

impl Gatekeeper {
    /// Looks at an embedded database: whether its store and counters answer, whether the rows are there that operations
    /// rely on, and whether what is sealed opens. Makes no secret and no signing key. For the operator only.
    ///
    /// ```
    /// let gatekeeper = gatekeeper::blocking::Gatekeeper::open("memory:")?;
    /// assert!(gatekeeper.inspect()?.missing_rows.is_empty());
    /// # Ok::<(), gatekeeper::GatekeeperError>(())
    /// ```
    ///
    /// # Errors
    /// `forbidden` for other callers; `bad_request` for a server, and for a secret that is too short;
    /// `service_unavailable` where the store or the counters do not answer.
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
