//! `gatekeeper permissions`.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::request::OperationRequest;

/// Show what a user may do in the tenant.
#[derive(Subcommand)]
pub(crate) enum Permissions {
    /// Check whether a user has a permission. Prints yes, or prints no and exits 1.
    #[command(after_help = "Examples:\n  gatekeeper permissions can usr_… keys:write --tenant tnt_…")]
    Can(Can),
    /// List a user's permissions.
    List(List),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Can {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The id of the user, usr_….
    user_id: String,
    /// The permission, as resource:action.
    permission: String,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The id of the user, usr_….
    user_id: String,
}

impl Permissions {
    pub(crate) fn into_request(self) -> Result<OperationRequest, Failure> {
        match self {
            Self::Can(can) => {
                Ok(OperationRequest::new("permissions.can", &can)?.rejected_if(|response| *response == false))
            }
            Self::List(list) => OperationRequest::new("permissions.list", &list),
        }
    }
}
