//! The key manager: create, verify, rotate and delete users' keys, and change their roles.

mod asked;
mod create;
mod delete;
mod roles;
mod rotate;
mod verify;
mod verify_user_key;

pub use super::lenient_id::LenientKeyId;
pub use create::{CreateKey, CreatedKey};
pub use delete::{DeleteKey, DeletedKey};
pub use roles::{AddRoles, RemoveRoles, RolesChanged};
pub use rotate::{RotateKey, RotatedKey};
pub use verify::{VerifyDecision, VerifyKey, VerifyOutput};
pub use verify_user_key::VerifyUserKey;

use crate::authz::Context;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::KeyId;
use crate::key::KeyStatus;
use crate::store::{Failure, KeyRecord, Tx};

/// Changes a key in one transaction: a key of the caller's tenant, or of any tenant for the operator.
fn change_key<T>(
    context: &Context<'_>,
    id: KeyId,
    change: impl FnOnce(&mut Tx<'_>, KeyRecord) -> Result<T, Failure>,
) -> Result<T> {
    context.write(|tx, context| match tx.key_for_update(id)? {
        Some(key) if context.tenant().is_none_or(|tenant| tenant == key.tenant_id) => change(tx, key),
        _ => Err(no_such_key().into()),
    })
}

/// Changes a key that is not revoked. A revoked key can only be deleted.
fn change_living_key<T>(
    context: &Context<'_>,
    id: KeyId,
    change: impl FnOnce(&mut Tx<'_>, KeyRecord) -> Result<T, Failure>,
) -> Result<T> {
    change_key(context, id, |tx, key| {
        if key.status == KeyStatus::Revoked.as_stored() {
            return Err(no_such_key().into());
        }
        change(tx, key)
    })
}

/// The error for a key that does not exist or belongs to another tenant. It does not say which.
fn no_such_key() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::NotFound, "id: no such key, it may have been deleted")
}
