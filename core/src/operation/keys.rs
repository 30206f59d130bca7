//! API keys of a tenant: their whole life, and what they are good for.

mod api_key;
mod create;
mod given;
mod import;
mod read;
mod revoke;
mod rotate;
mod token;
mod update;
mod validate;
mod verify;

pub use api_key::{ApiKey, CreatedApiKey};
pub use create::CreateApiKey;
pub use import::{ForeignKey, ImportApiKeys, ImportedApiKeys};
pub use read::{GetApiKey, ListApiKeys};
pub use revoke::RevokeApiKey;
pub use rotate::RotateApiKey;
pub use token::{IssueKeyToken, KeyToken};
pub use update::{NewStatus, UpdateApiKey};
pub use validate::{ValidateApiKey, ValidatedApiKey};
pub use verify::{KeyVerdict, VerifyApiKey};

use crate::access::{Context, may_grant, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::KeyId;
use crate::key::KeyStatus;
use crate::store::{Failure, KeyRecord, Tx};

/// The prefix of a key where none is given.
const USUAL_PREFIX: &str = "gk_live";

/// The key of the call's tenant.
fn key_of(context: &Context<'_>, tx: &Tx<'_>, id: KeyId) -> Result<KeyRecord, Failure> {
    // It may have been removed since the caller was let in.
    let key = tx.key(id)?.filter(|key| context.tenant() == Some(key.tenant_id));
    Ok(key.ok_or_else(not_found)?)
}

/// The same, to be changed by the caller: it is not revoked, and does not have more scopes than they could give it.
fn changeable(context: &Context<'_>, tx: &Tx<'_>, id: KeyId) -> Result<KeyRecord, Failure> {
    let key = key_of(context, tx, id)?;
    may_grant(context, &key.scopes)?;
    if key.status == KeyStatus::Revoked.as_stored() {
        let message = "the key is revoked, and stays as it is: create another one";
        return Err(GatekeeperError::new(ErrorKind::Conflict, message).into());
    }
    Ok(key)
}
