//! The arguments of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::audit::Audit;
use super::backup::Backup;
use super::call::Call;
use super::failure::Failure;
use super::init::Init;
use super::keys::Keys;
use super::permissions::Permissions;
use super::platform::Platform;
use super::prune::Prune;
use super::request::OperationRequest;
use super::restore::Restore;
use super::root_keys::RootKeys;
use super::serve::Serve;
use super::tenants::Tenants;
use super::usage::Usage;
use super::users::Users;
use crate::config::{Flags, TENANT, URL};

const EXAMPLES: &str = "\
Examples:
  gatekeeper init && gatekeeper serve
  gatekeeper keys create --name server-key --role PRO --json
  gatekeeper keys verify --endpoint GET_TASKS
  gatekeeper doctor

Settings come from flags, then GATEKEEPER_* variables, then gatekeeper.toml, then defaults: see `gatekeeper config`.
Secrets are never arguments: keys come from GATEKEEPER_KEY or standard input, passwords from standard input.
Exit codes: 0 done, 1 rejected, 2 wrong use.";

/// API keys, rate limits, accounts and usage: run the server, or any of its operations, from the command line.
#[derive(Parser)]
#[command(name = "gatekeeper", bin_name = "gatekeeper", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command accepts.
#[derive(Args)]
pub(crate) struct Global {
    /// The database: sqlite:PATH, a plain path, or http(s)://HOST for a server [default: sqlite:gatekeeper.db].
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    url: Option<String>,
    /// The configuration file [default: gatekeeper.toml].
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// The tenant that the command applies to [default: the tenant `default`].
    #[arg(long, global = true, value_name = "ID", help_heading = "Global options")]
    tenant: Option<String>,
    /// Print JSON, for programs.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Serve(Box<Serve>),
    #[command(subcommand)]
    Keys(Keys),
    #[command(subcommand)]
    Tenants(Tenants),
    #[command(subcommand)]
    Users(Users),
    #[command(subcommand)]
    Usage(Usage),
    #[command(subcommand)]
    Audit(Audit),
    #[command(subcommand)]
    Permissions(Permissions),
    #[command(subcommand)]
    Platform(Platform),
    #[command(subcommand)]
    RootKeys(RootKeys),
    Call(Call),
    /// Check the installation for common problems and suggest fixes. Exits 1 if it finds an error.
    Doctor,
    Backup(Backup),
    Restore(Restore),
    Prune(Prune),
    /// Show the effective configuration and the source of each value. Secrets are masked.
    Config,
    /// Print a completion script for a shell.
    #[command(
        after_help = "Examples:\n  gatekeeper completions bash > ~/.local/share/bash-completion/completions/gatekeeper"
    )]
    Completions {
        /// The shell to complete for.
        shell: clap_complete::Shell,
    },
}

impl Global {
    pub(crate) fn flags(&self) -> Flags {
        let flags = Flags { file: self.config.clone(), ..Flags::default() };
        flags.with(&URL, self.url.clone()).with(&TENANT, self.tenant.clone())
    }
}

impl Command {
    /// The request for the operation that the command runs; `None` for a command that does something else.
    pub(crate) fn into_request(self) -> Result<Option<OperationRequest>, Failure> {
        Ok(match self {
            Self::Keys(keys) => keys.into_request()?,
            Self::Tenants(tenants) => Some(tenants.into_request()?),
            Self::Users(users) => Some(users.into_request()?),
            Self::Usage(usage) => Some(usage.into_request()?),
            Self::Audit(audit) => Some(audit.into_request()?),
            Self::Permissions(permissions) => Some(permissions.into_request()?),
            Self::Platform(platform) => Some(platform.into_request()?),
            Self::RootKeys(root_keys) => Some(root_keys.into_request()?),
            _ => None,
        })
    }
}
