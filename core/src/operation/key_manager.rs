//! The key manager: create, verify, rotate and delete users' keys, add and remove their roles.

mod create;
mod delete;
mod roles;
mod rotate;
mod verify;

pub use create::{CreateKey, CreatedKey};
pub use delete::{DeleteKey, DeletedKey};
pub use roles::{AddRoles, RemoveRoles, RolesChanged};
pub use rotate::{RotateKey, RotatedKey};
pub use verify::{VerifyDecision, VerifyKey, VerifyOutput};

use crate::access::Context;
use crate::error::{ErrorKind, GatekeeperError};

/// No such key, or another tenant's: never said which.
fn no_such_key() -> GatekeeperError {
    GatekeeperError::new(ErrorKind::NotFound, "id names no key: it may have been deleted")
}

/// The present, as records keep it.
fn now(context: &Context<'_>) -> i64 {
    i64::try_from(context.engine().clock().wall_ms()).unwrap_or(i64::MAX)
}
