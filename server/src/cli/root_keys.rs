//! `gatekeeper root-keys`.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::asked::{Asked, ListOfTenant};
use super::failure::Failure;
use super::keys::ONCE;

/// Root keys of the tenant of --tenant. A root key may do everything in its tenant.
#[derive(Subcommand)]
pub(crate) enum RootKeys {
    /// Makes a root key and shows it, once. Those that there are stay good.
    #[command(
        after_help = "Examples:\n  gatekeeper root-keys create --tenant tnt_… --json | jq -r .plainTextKey"
    )]
    Create(Create),
    /// Lists the root keys that are good; their secrets are not stored.
    List(ListOfTenant),
    /// Ends a root key for good. The tenant and its keys stay.
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
    /// The root key's id, key_….
    #[arg(value_name = "KEY_ID")]
    id: String,
}

impl RootKeys {
    pub(crate) fn asked(self) -> Result<Asked, Failure> {
        match self {
            Self::Create(create) => Ok(Asked::new("platform.createRootKey", &create)?.noting(ONCE)),
            Self::List(list) => Ok(Asked::new("platform.listRootKeys", &list)?
                .listing(&list.paging, &["id", "tenantId", "createdAt"])),
            Self::Revoke(revoke) => Ok(Asked::new("platform.revokeRootKey", &revoke)?.saying("revoked")),
        }
    }
}
