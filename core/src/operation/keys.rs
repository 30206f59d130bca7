//! API keys of a tenant: create, read, change, rotate, revoke and verify them.

mod api_key;
mod create;
mod created_by;
mod draft;
mod given;
mod import;
mod read;
mod revoke;
mod rotate;
mod token;
mod update;
mod validate;
mod verdict;
mod verify;

pub use api_key::{ApiKey, CreatedApiKey};
pub use create::CreateApiKey;
pub use created_by::{CreatedBy, PrincipalKind};
pub(super) use draft::{Draft, Known};
pub use import::{ForeignKey, ImportApiKeys, ImportWarning, ImportedApiKeys};
pub use read::{GetApiKey, ListApiKeys};
pub use revoke::RevokeApiKey;
pub use rotate::RotateApiKey;
pub(super) use rotate::new_secret;
pub use token::{IssueKeyToken, KeyToken};
pub use update::{NewStatus, UpdateApiKey};
pub use validate::{ValidateApiKey, ValidatedApiKey};
pub use verdict::KeyVerdict;
pub use verify::VerifyApiKey;

use serde_json::{Map, Value};

use crate::authz::{Action, Ceiling, Context, Event, Reach, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::KeyId;
pub use crate::key::KeyStatus;
use crate::store::{Failure, KeyRecord, Tx};

/// The default prefix of a key.
const DEFAULT_PREFIX: &str = "gk_live";

/// The key with this id, if it belongs to the tenant of the call.
fn key_of(context: &Context<'_>, tx: &Tx<'_>, id: KeyId) -> Result<KeyRecord, Failure> {
    // The key may have been deleted since the caller was authorized.
    let key = tx.key_for_update(id)?.filter(|key| context.tenant() == Some(key.tenant_id));
    Ok(key.ok_or_else(not_found)?)
}

/// The key with this id, if the caller may change it. The caller's own rights must cover those of the key; the key
/// must not be revoked, nor be the calling key itself.
fn changeable(
    context: &Context<'_>,
    tx: &Tx<'_>,
    ceiling: &Ceiling,
    id: KeyId,
) -> Result<KeyRecord, Failure> {
    let key = key_of(context, tx, id)?;
    ceiling.check_not_itself(id)?;
    ceiling.check(&Reach::of(&key)?)?;
    if key.status == KeyStatus::Revoked.as_stored() {
        let message = "a revoked key cannot be changed: create a new one";
        return Err(GatekeeperError::new(ErrorKind::Conflict, message).into());
    }
    Ok(key)
}

/// Revokes every key that this key created, directly or through other keys.
pub(super) fn revoke_descendants(
    context: &Context<'_>,
    tx: &mut Tx<'_>,
    creator: &KeyRecord,
) -> Result<(), Failure> {
    for id in tx.revoke_descendants_of_key(creator.id, context.now())? {
        let with = Map::from_iter([("revokedWith".to_owned(), Value::from(creator.id.to_string()))]);
        context.audit(
            tx,
            Event::new(Action::KeyRevoked).of_tenant(creator.tenant_id).about(&id).with(Some(with)),
        )?;
    }
    Ok(())
}
