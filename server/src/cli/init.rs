//! `gatekeeper init`.

mod group;

use std::io::{self, Write as _};
use std::path::Path;

use clap::Args;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::blocking::RootKeyOf;
use gatekeeper::platform::CreatedRootKey;
use gatekeeper::{ErrorKind, GatekeeperError, TenantId};
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::{Session, warn};
use super::show::{self, Ordered};
use crate::config::{Config, Origin, SIGNUP, URL};

/// The content of a new configuration file.
const SETTINGS: &str = include_str!("gatekeeper.toml");
const COMMENTED_URL: &str = "#url = \"sqlite:gatekeeper.db\"";
const COMMENTED_SIGNUP: &str = "#signup = \"closed\"";

/// Create the database, a root key and a configuration file. Prints the root key once.
///
/// The files are readable only by this user, or also by the group of --group. Files that appear beside the database
/// later get the same permissions.
///
/// The root key is for the tenant `default`, which every database has, and in which a key manager without a root key
/// keeps its keys. Use --tenant-name for a new tenant or --tenant-id for another existing one. If the database already
/// has a root key, another one is created only with --additional.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper init && gatekeeper serve\n  gatekeeper init --json | jq -r .rootKey\n  gatekeeper init --open-signup\n  gatekeeper init --additional --tenant-name 'Acme Inc'\n  gatekeeper init --group www-data"
)]
pub(crate) struct Init {
    /// Create a tenant with this name, and the root key for it.
    #[arg(long, value_name = "NAME", conflicts_with = "tenant_id")]
    tenant_name: Option<String>,
    /// Create the root key for this existing tenant, for example because its root key was lost.
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    /// Create a root key even if one exists. Existing root keys stay valid.
    #[arg(long, alias = "another")]
    additional: bool,
    /// Write signup = "open" into the new configuration file: any client that reaches the server may create an account.
    #[arg(long)]
    open_signup: bool,
    /// Allow this group of users to use the new database: the name or number of the group.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
}

pub(crate) fn run(init: &Init, session: &Session) -> Result<(), Failure> {
    let (config, output) = (&session.config, session.output);
    if config.is_remote() {
        let message = "a server's database is created on the server's machine: run `gatekeeper init` there";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let gatekeeper = session.gatekeeper()?;
    let Some(database) = config.database() else {
        let message = "a memory: database is lost when this command ends: name a file, such as --url sqlite:gatekeeper.db";
        return Err(GatekeeperError::bad_request(message).into());
    };
    init.check_signup(config)?;
    let group = init.group.as_deref().map(group::find).transpose()?;
    if let Some(group) = group {
        group::make_database(&database, group)?;
    }
    let created = init.root_key(&gatekeeper)?;
    // The first use creates the secret file; created now, it is known to an operator who plans backups.
    gatekeeper.jwks()?;
    let url = config.url();
    if output.json {
        let shown = json!({ "url": url, "tenantId": created.tenant_id, "rootKey": created.key.expose() });
        output::json(&shown).map_err(Failure::of_secret)?;
    } else {
        let shown = [
            ("database", url.to_owned()),
            ("tenant", created.tenant_id.to_string()),
            ("root key", created.key.expose().to_owned()),
        ];
        let shown = shown.map(|(name, text)| (name.to_owned(), Ordered::from(text)));
        show::record(shown.into()).map_err(Failure::of_secret)?;
        output.note("store the root key now: it is not saved and cannot be shown again");
    }
    warn(&gatekeeper);
    let file = config.file();
    if !file.exists {
        let url = config.effective(&URL).filter(|found| found.origin != Origin::Default).map(|_| url);
        match write_settings(&file.path, url, init.open_signup, group) {
            Ok(()) => output.note(&format!("created {}, with an example endpoint", file.path.display())),
            Err(error) => output::message(&format!("{} cannot be created: {error}", file.path.display())),
        }
    }
    output.note("next: gatekeeper serve");
    Ok(())
}

impl Init {
    /// Rejects `--open-signup` if a configuration file exists and does not open sign-up: an existing file is never
    /// changed.
    fn check_signup(&self, config: &Config) -> Result<(), Failure> {
        let file = config.file();
        if !self.open_signup || !file.exists || config.text(&SIGNUP) == Some("open") {
            return Ok(());
        }
        let path = file.path.display();
        Err(Failure::Usage(format!("{path} already exists: write signup = \"open\" above its first [table]")))
    }

    fn root_key(&self, gatekeeper: &Gatekeeper) -> Result<CreatedRootKey, Failure> {
        let of = match (&self.tenant_name, &self.tenant_id) {
            (Some(name), _) => RootKeyOf::NewTenant(name),
            (None, Some(id)) => RootKeyOf::Tenant(id.parse::<TenantId>()?),
            (None, None) => RootKeyOf::DefaultTenant,
        };
        if self.additional {
            return Ok(gatekeeper.add_root_key(of)?);
        }
        Ok(gatekeeper.add_first_root_key(of).map_err(|error| match error.kind() {
            ErrorKind::Conflict => GatekeeperError::new(
                ErrorKind::Conflict,
                "the database already has a root key, and no other was created: use that one, or add --additional",
            ),
            _ => error,
        })?)
    }
}

/// Writes the configuration file of a new database.
fn write_settings(path: &Path, url: Option<&str>, open_signup: bool, group: Option<u32>) -> io::Result<()> {
    let mut text = SETTINGS.to_owned();
    if let Some(url) = url {
        text = text.replace(COMMENTED_URL, &format!("url = {}", toml::Value::from(url)));
    }
    if open_signup {
        text = text.replace(COMMENTED_SIGNUP, "signup = \"open\"");
    }
    let mut file = group::make(path, group)?;
    file.write_all(text.as_bytes())
}
