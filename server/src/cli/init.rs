//! `gatekeeper init`.

mod group;

use std::io::{self, Write as _};
use std::path::Path;

use clap::Args;
use gatekeeper::{CreatedRootKey, ErrorKind, Gatekeeper, GatekeeperError, RootKeyOf, TenantId};
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::{Session, warn};
use super::show::{self, Ordered};
use crate::config::{Config, Origin, SIGNUP, URL};

/// What a new file of settings says.
const SETTINGS: &str = include_str!("gatekeeper.toml");
const COMMENTED_URL: &str = "#url = \"sqlite:gatekeeper.db\"";
const COMMENTED_SIGNUP: &str = "#signup = \"closed\"";

/// Makes the database, a root key and a file of settings; shows the root key, once.
///
/// Both files are for this user alone, or for the users of --group too; what comes to lie beside the database follows it.
///
/// The root key is for the tenant `default`, which every place has from the beginning and in which a key manager without
/// a root key keeps its keys; or for a new tenant, or for another one that is there. A second root key is made only with
/// --additional.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper init && gatekeeper serve\n  gatekeeper init --json | jq -r .rootKey\n  gatekeeper init --open-signup\n  gatekeeper init --additional --tenant-name 'Acme Inc'\n  gatekeeper init --group www-data"
)]
pub(crate) struct Init {
    /// Makes a tenant of this name, and the root key for it.
    #[arg(long, value_name = "NAME", conflicts_with = "tenant_id")]
    tenant_name: Option<String>,
    /// Makes the root key for this tenant, which is there: for one that has lost its own.
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    /// Makes a root key although there is one. Those that there are stay good.
    #[arg(long, alias = "another")]
    additional: bool,
    /// Writes signup = "open" into the new file of settings: anyone who reaches the server may make an account.
    #[arg(long)]
    open_signup: bool,
    /// Lets this group of users write a new database, too: the name or the number of a group.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
}

pub(crate) fn run(init: &Init, session: &Session) -> Result<(), Failure> {
    let (config, output) = (&session.config, session.output);
    if config.is_remote() {
        let message = "a server's place is made where it is: run `gatekeeper init` on its machine";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let gatekeeper = session.gatekeeper()?;
    let Some(database) = config.database() else {
        let message = "nothing of this place would be left: name a file, such as --url sqlite:gatekeeper.db";
        return Err(GatekeeperError::bad_request(message).into());
    };
    init.check_signup(config)?;
    let group = init.group.as_deref().map(group::find).transpose()?;
    if let Some(group) = group {
        group::make_database(&database, group)?;
    }
    let created = init.root_key(&gatekeeper)?;
    // Made now, so that whoever keeps backups knows of the secret from the beginning.
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
        output.note("keep the root key now: it is not stored, and cannot be shown again");
    }
    warn(&gatekeeper);
    let file = config.file();
    if !file.exists {
        let url = config.found(&URL).filter(|found| found.origin != Origin::Default).map(|_| url);
        match write_settings(&file.path, url, init.open_signup, group) {
            Ok(()) => output.note(&format!("made {}, with an example endpoint", file.path.display())),
            Err(error) => output::say(&format!("{} cannot be made: {error}", file.path.display())),
        }
    }
    output.note("next: gatekeeper serve");
    Ok(())
}

impl Init {
    /// Rejects to open the sign-up of a file that is there and says something else: it is not written again.
    fn check_signup(&self, config: &Config) -> Result<(), Failure> {
        let file = config.file();
        if !self.open_signup || !file.exists || config.text(&SIGNUP) == Some("open") {
            return Ok(());
        }
        let path = file.path.display();
        Err(Failure::Usage(format!(
            "{path} is there already: write signup = \"open\" above its first [table]"
        )))
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
                "the place has a root key already, and no second one was made: use it, or add --additional",
            ),
            _ => error,
        })?)
    }
}

/// Writes a file of settings, with this database in it.
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
