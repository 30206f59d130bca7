//! `gatekeeper tenants`.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::asked::{Asked, ListOfTenant, Paging};
use super::failure::Failure;

/// Tenants and their members.
#[derive(Subcommand)]
pub(crate) enum Tenants {
    /// Makes a tenant. The operator's has no owner yet: see `gatekeeper tenants members add`.
    #[command(after_help = "Examples:\n  gatekeeper tenants create 'Acme Inc'")]
    Create(Create),
    /// Lists the tenants: every one for the operator, their own for a user.
    List(Paging),
    /// Shows a tenant.
    Get(One),
    /// Gives a tenant another name.
    Rename(Rename),
    /// Removes a tenant for good, with its members, its keys, which are dead at once, and its usage.
    #[command(after_help = "Examples:\n  gatekeeper tenants remove tnt_… --yes")]
    Remove(Remove),
    /// Members of the tenant of --tenant, and their roles.
    #[command(subcommand)]
    Members(Members),
}

#[derive(Subcommand)]
pub(crate) enum Members {
    /// Lists the members.
    List(ListOfTenant),
    /// Makes a user a member.
    #[command(after_help = "Examples:\n  gatekeeper tenants members add usr_… --role owner --tenant tnt_…")]
    Add(AddMember),
    /// Gives a member another role.
    Update(UpdateMember),
    /// Ends a membership.
    Remove(RemoveMember),
}

#[derive(Args, Serialize)]
pub(crate) struct Create {
    /// What it is called.
    name: String,
}

#[derive(Args, Serialize)]
pub(crate) struct One {
    /// The tenant's id, tnt_….
    #[arg(value_name = "TENANT_ID")]
    #[serde(rename = "tenantId")]
    id: String,
}

#[derive(Args, Serialize)]
pub(crate) struct Rename {
    /// The tenant's id, tnt_….
    #[arg(value_name = "TENANT_ID")]
    #[serde(rename = "tenantId")]
    id: String,
    /// What it is called from now on.
    name: String,
}

#[derive(Args, Serialize)]
pub(crate) struct Remove {
    /// The tenant's id, tnt_….
    #[arg(value_name = "TENANT_ID")]
    #[serde(rename = "tenantId")]
    id: String,
    /// That you are sure.
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
    /// The user's id, usr_….
    user_id: String,
    /// Their role [default: member].
    #[arg(long)]
    role: Option<Role>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateMember {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The user's id, usr_….
    user_id: String,
    /// Their role from now on.
    #[arg(long)]
    role: Role,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemoveMember {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The user's id, usr_….
    user_id: String,
}

const COLUMNS: &[&str] = &["userId", "role", "email", "name", "createdAt"];

impl Tenants {
    pub(crate) fn asked(self) -> Result<Asked, Failure> {
        match self {
            Self::Create(create) => Asked::new("tenants.create", &create),
            Self::List(paging) => {
                Ok(Asked::new("tenants.list", &paging)?
                    .listing(&paging, &["id", "name", "role", "createdAt"]))
            }
            Self::Get(one) => Asked::new("tenants.get", &one),
            Self::Rename(rename) => Asked::new("tenants.update", &rename),
            Self::Remove(remove) if !remove.yes => {
                Err(Failure::Usage("its keys would be dead at once and its usage gone: add --yes".to_owned()))
            }
            Self::Remove(remove) => Ok(Asked::new("tenants.remove", &remove)?.saying("removed")),
            Self::Members(members) => members.asked(),
        }
    }
}

impl Members {
    fn asked(self) -> Result<Asked, Failure> {
        match self {
            Self::List(list) => Ok(Asked::new("tenants.listMembers", &list)?.listing(&list.paging, COLUMNS)),
            Self::Add(add) => Asked::new("tenants.addMember", &add),
            Self::Update(update) => Asked::new("tenants.updateMember", &update),
            Self::Remove(remove) => Ok(Asked::new("tenants.removeMember", &remove)?.saying("removed")),
        }
    }
}
