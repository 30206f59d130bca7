//! `gatekeeper permissions`.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::asked::Asked;
use super::failure::Failure;

/// What a user may do in the tenant.
#[derive(Subcommand)]
pub(crate) enum Permissions {
    /// Tells whether a user has a permission: yes, or no with exit code 1.
    #[command(after_help = "Examples:\n  gatekeeper permissions can usr_… keys:write --tenant tnt_…")]
    Can(Can),
    /// Lists a user's permissions.
    List(List),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Can {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The user's id, usr_….
    user_id: String,
    /// The permission: resource:action.
    permission: String,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The user's id, usr_….
    user_id: String,
}

impl Permissions {
    pub(crate) fn asked(self) -> Result<Asked, Failure> {
        match self {
            Self::Can(can) => {
                Ok(Asked::new("permissions.can", &can)?.rejected_where(|answer| *answer == false))
            }
            Self::List(list) => Asked::new("permissions.list", &list),
        }
    }
}
