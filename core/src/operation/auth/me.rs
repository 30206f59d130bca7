use serde::{Deserialize, Serialize};

use super::User;
use crate::authz::{Access, Context, not_found};
use crate::error::Result;
use crate::operation::{Method, Operation, Route};

/// Returns the calling user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Me {}

impl Operation for Me {
    type Checked = Self;
    type Output = User;
    const NAME: &'static str = "auth.me";
    const ROUTE: Route = Route::new(Method::Get, "/v1/auth/me", 200);
    const ACCESS: Access = Access::User;

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(_: Self, context: &Context<'_>) -> Result<User> {
        let id = context.user()?;
        let user = context.read(|rows| rows.user(id))?;
        user.map(User::from).ok_or_else(not_found)
    }
}
