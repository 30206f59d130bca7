//! `gatekeeper tenants`.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::failure::Failure;
use super::request::{OperationRequest, Paging, TenantList};

/// Manage tenants and their members.
#[derive(Subcommand)]
pub(crate) enum Tenants {
    /// Create a tenant. One created by the operator has no owner yet: see `gatekeeper tenants members add`.
    #[command(after_help = "Examples:\n  gatekeeper tenants create 'Acme Inc'")]
    Create(Create),
    /// List tenants: all of them for the operator, a user's own for a user.
    List(Paging),
    /// Show a tenant.
    Get(ById),
    /// Rename a tenant.
    Rename(Rename),
    /// Remove a tenant permanently, with its members, keys and usage. Its keys are rejected immediately.
    #[command(after_help = "Examples:\n  gatekeeper tenants remove tnt_… --yes")]
    Remove(Remove),
    /// Manage the members of the tenant of --tenant, and their roles.
    #[command(subcommand)]
    Members(Members),
}

#[derive(Subcommand)]
pub(crate) enum Members {
    /// List the members.
    List(TenantList),
    /// Add a user as a member.
    #[command(after_help = "Examples:\n  gatekeeper tenants members add usr_… --role owner --tenant tnt_…")]
    Add(AddMember),
    /// Change the role of a member.
    Update(UpdateMember),
    /// Remove a member.
    Remove(RemoveMember),
}

#[derive(Args, Serialize)]
pub(crate) struct Create {
    /// The name of the tenant.
    name: String,
}

#[derive(Args, Serialize)]
pub(crate) struct ById {
    /// The id of the tenant, tnt_….
    #[arg(value_name = "TENANT_ID")]
    #[serde(rename = "tenantId")]
    id: String,
}

#[derive(Args, Serialize)]
pub(crate) struct Rename {
    /// The id of the tenant, tnt_….
    #[arg(value_name = "TENANT_ID")]
    #[serde(rename = "tenantId")]
    id: String,
    /// The new name.
    name: String,
}

#[derive(Args, Serialize)]
pub(crate) struct Remove {
    /// The id of the tenant, tnt_….
    #[arg(value_name = "TENANT_ID")]
    #[serde(rename = "tenantId")]
    id: String,
    /// Confirm the removal.
    #[arg(long)]
    #[serde(skip)]
    yes: bool,
}

#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Role {
    Owner,
    Admin,
    Member,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddMember {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The id of the user, usr_….
    user_id: String,
    /// The role [default: member].
    #[arg(long)]
    role: Option<Role>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateMember {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The id of the user, usr_….
    user_id: String,
    /// The new role.
    #[arg(long)]
    role: Role,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemoveMember {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The id of the user, usr_….
    user_id: String,
}

const COLUMNS: &[&str] = &["userId", "role", "email", "name", "createdAt"];

impl Tenants {
    pub(crate) fn into_request(self) -> Result<OperationRequest, Failure> {
        match self {
            Self::Create(create) => OperationRequest::new("tenants.create", &create),
            Self::List(paging) => Ok(OperationRequest::new("tenants.list", &paging)?
                .with_columns(&paging, &["id", "name", "role", "createdAt"])),
            Self::Get(one) => OperationRequest::new("tenants.get", &one),
            Self::Rename(rename) => OperationRequest::new("tenants.update", &rename),
            Self::Remove(remove) if !remove.yes => Err(Failure::Usage(
                "this revokes the tenant's keys and deletes its usage: add --yes".to_owned(),
            )),
            Self::Remove(remove) => {
                Ok(OperationRequest::new("tenants.remove", &remove)?.with_done("removed"))
            }
            Self::Members(members) => members.into_request(),
        }
    }
}

impl Members {
    fn into_request(self) -> Result<OperationRequest, Failure> {
        match self {
            Self::List(list) => {
                Ok(OperationRequest::new("tenants.listMembers", &list)?.with_columns(&list.paging, COLUMNS))
            }
            Self::Add(add) => OperationRequest::new("tenants.addMember", &add),
            Self::Update(update) => OperationRequest::new("tenants.updateMember", &update),
            Self::Remove(remove) => {
                Ok(OperationRequest::new("tenants.removeMember", &remove)?.with_done("removed"))
            }
        }
    }
}
