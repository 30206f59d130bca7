use serde::{Deserialize, Serialize};

use super::change_living_key;
use crate::authz::{Access, Action, Context, Event};
use crate::error::Result;
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

impl Operation for AddRoles {
    type Output = RolesChanged;
    const NAME: &'static str = "keyManager.addRoles";
    const ROUTE: Route = Route::new(Method::Post, "/api/v1/keys/roles", 200);
    const ACCESS: Access = Access::KeyManager;

    fn run(self, context: &Context<'_>) -> Result<RolesChanged> {
        let added = role::normalize(self.roles)?;
        change_roles(context, self.id, |mut roles| {
            roles.extend(added);
            role::normalize(roles)
        })
    }
}

impl Operation for RemoveRoles {
    type Output = RolesChanged;
    const NAME: &'static str = "keyManager.removeRoles";
    const ROUTE: Route = Route::new(Method::Delete, "/api/v1/keys/roles", 200);
    const ACCESS: Access = Access::KeyManager;

    fn run(self, context: &Context<'_>) -> Result<RolesChanged> {
        let removed = role::normalize(self.roles)?;
        change_roles(context, self.id, |mut roles| {
            roles.retain(|role| removed.binary_search(role).is_err());
            Ok(roles)
        })
    }
}

fn change_roles(
    context: &Context<'_>,
    id: LenientKeyId,
    change: impl FnOnce(Vec<String>) -> Result<Vec<String>>,
) -> Result<RolesChanged> {
    let id = id.get()?;
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
