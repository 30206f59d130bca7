//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::asked::Asked;
use super::audit::Audit;
use super::backup::Backup;
use super::call::Call;
use super::failure::Failure;
use super::init::Init;
use super::keys::Keys;
use super::permissions::Permissions;
use super::platform::Platform;
use super::prune::Prune;
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

/// API keys, limits, accounts and usage: the server, and everything that it does, from the command line.
#[derive(Parser)]
#[command(name = "gatekeeper", bin_name = "gatekeeper", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args)]
pub(crate) struct Global {
    /// The place: sqlite:PATH, a plain path, or http(s)://HOST [default: sqlite:gatekeeper.db].
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    url: Option<String>,
    /// The file of settings [default: gatekeeper.toml].
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    config: Option<PathBuf>,
    /// The tenant of commands that are about one [default: the tenant `default`].
    #[arg(long, global = true, value_name = "ID", help_heading = "Everywhere")]
    tenant: Option<String>,
    /// Answers in JSON, for programs.
    #[arg(long, global = true, help_heading = "Everywhere")]
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
    /// Looks for what is commonly wrong, and says how to mend it; exit code 1 where something is.
    Doctor,
    Backup(Backup),
    Restore(Restore),
    Prune(Prune),
    /// Shows what is in force and where each value came from; secrets are masked.
    Config,
    /// Prints a script that completes commands in a shell.
    #[command(
        after_help = "Examples:\n  gatekeeper completions bash > ~/.local/share/bash-completion/completions/gatekeeper"
    )]
    Completions {
        /// For which shell.
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
    /// The operation that is asked for; none for commands that do something else.
    pub(crate) fn asked(self) -> Result<Option<Asked>, Failure> {
        Ok(match self {
            Self::Keys(keys) => keys.asked()?,
            Self::Tenants(tenants) => Some(tenants.asked()?),
            Self::Users(users) => Some(users.asked()?),
            Self::Usage(usage) => Some(usage.asked()?),
            Self::Audit(audit) => Some(audit.asked()?),
            Self::Permissions(permissions) => Some(permissions.asked()?),
            Self::Platform(platform) => Some(platform.asked()?),
            Self::RootKeys(root_keys) => Some(root_keys.asked()?),
            _ => None,
        })
    }
}
