//! `gatekeeper root-keys`.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::keys::ONCE;
use super::request::{OperationRequest, TenantList};

/// Manage the root keys of the tenant of --tenant. A root key may do everything in its tenant.
#[derive(Subcommand)]
pub(crate) enum RootKeys {
    /// Create a root key and print it once. Existing root keys stay valid.
    #[command(
        after_help = "Examples:\n  gatekeeper root-keys create --tenant tnt_… --json | jq -r .plainTextKey"
    )]
    Create(Create),
    /// List the valid root keys. Their secrets are not stored.
    List(TenantList),
    /// Revoke a root key permanently. The tenant and its keys stay.
    #[command(after_help = "Examples:\n  gatekeeper root-keys revoke key_…")]
    Revoke(Revoke),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Create {
    #[arg(skip)]
    tenant_id: Option<String>,
}

#[derive(Args, Serialize)]
pub(crate) struct Revoke {
    /// The id of the root key, key_….
    #[arg(value_name = "KEY_ID")]
    id: String,
}

impl RootKeys {
    pub(crate) fn into_request(self) -> Result<OperationRequest, Failure> {
        match self {
            Self::Create(create) => {
                Ok(OperationRequest::new("platform.createRootKey", &create)?.with_note(ONCE))
            }
            Self::List(list) => Ok(OperationRequest::new("platform.listRootKeys", &list)?
                .with_columns(&list.paging, &["id", "tenantId", "createdAt"])),
            Self::Revoke(revoke) => {
                Ok(OperationRequest::new("platform.revokeRootKey", &revoke)?.with_done("revoked"))
            }
        }
    }
}
