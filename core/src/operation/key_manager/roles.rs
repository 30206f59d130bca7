use serde::{Deserialize, Serialize};

use super::change_living_key;
use crate::authz::{Access, Action, Context, Event};
use crate::error::Result;
use crate::id::KeyId;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{LenientKeyId, Method, Operation, Route};
use crate::role;

/// Adds roles to a key. Roles that it already has are ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddRoles {
    /// The key's id.
    #[serde(default)]
    pub id: LenientKeyId,
    /// The roles to add: names of 1 to 128 bytes. The key can have at most 1,000 distinct roles.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    pub roles: Vec<String>,
}

/// Removes roles from a key. Roles that it does not have are ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RemoveRoles {
    /// The key's id.
    #[serde(default)]
    pub id: LenientKeyId,
    /// The roles to remove: at most 1,000 distinct names of 1 to 128 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    pub roles: Vec<String>,
}

/// The result of adding or removing roles.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RolesChanged {
    /// The number of roles that were actually added or removed.
    pub count: usize,
}

/// A change of roles whose fields are valid.
#[derive(Debug)]
pub struct Change {
    id: KeyId,
    /// Sorted by bytes, without duplicates.
    roles: Vec<String>,
}

impl Operation for AddRoles {
    type Checked = Change;
    type Output = RolesChanged;
    const NAME: &'static str = "keyManager.addRoles";
    const ROUTE: Route = Route::new(Method::Post, "/api/v1/keys/roles", 200);
    const ACCESS: Access = Access::KeyManager;

    fn check(self) -> Result<Change> {
        // The id is validated last.
        Ok(Change { roles: role::normalize(self.roles)?, id: self.id.get()? })
    }

    fn run(Change { id, roles: added }: Change, context: &Context<'_>) -> Result<RolesChanged> {
        change_roles(context, id, |mut roles| {
            roles.extend(added);
            role::normalize(roles)
        })
    }
}

impl Operation for RemoveRoles {
    type Checked = Change;
    type Output = RolesChanged;
    const NAME: &'static str = "keyManager.removeRoles";
    const ROUTE: Route = Route::new(Method::Delete, "/api/v1/keys/roles", 200);
    const ACCESS: Access = Access::KeyManager;

    fn check(self) -> Result<Change> {
        // The id is validated last.
        Ok(Change { roles: role::normalize(self.roles)?, id: self.id.get()? })
    }

    fn run(Change { id, roles: removed }: Change, context: &Context<'_>) -> Result<RolesChanged> {
        change_roles(context, id, |mut roles| {
            roles.retain(|role| removed.binary_search(role).is_err());
            Ok(roles)
        })
    }
}

fn change_roles(
    context: &Context<'_>,
    id: KeyId,
    change: impl FnOnce(Vec<String>) -> Result<Vec<String>>,
) -> Result<RolesChanged> {
    let now = context.now();
    change_living_key(context, id, |tx, mut key| {
        let had = key.roles.len();
        key.roles = change(key.roles)?;
        let count = key.roles.len().abs_diff(had);
        if count > 0 {
            tx.update_key(&key, now)?;
            context.audit(tx, Event::new(Action::KeyRolesChanged).of_tenant(key.tenant_id).about(&id))?;
        }
        Ok(RolesChanged { count })
    })
}
