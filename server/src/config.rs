//! What is in force and where each of it came from: flags before environment variables, before the file, before
//! defaults.
//!
//! Read by hand over TOML: a program that has to say where a value came from has to read each source apart.

mod environment;
mod file;
mod setting;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gatekeeper::{DatabaseUrl, Endpoints, GatekeeperError, Result, Secret, Tenants};
use serde_json::Value;

pub(crate) use environment::{Environment, KEY, PREVIOUS_SECRET, SECRET, TOKEN};
pub(crate) use file::File;
pub(crate) use setting::{Kind, Origin, Setting};
pub(crate) use settings::*;

/// The file that is read where none is named.
pub(crate) const DEFAULT_FILE: &str = "gatekeeper.toml";

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// What the command line says: which file to read, and what comes before it.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    pub(crate) file: Option<PathBuf>,
    pub(crate) values: Vec<(&'static Setting, Value)>,
    /// Whether the command makes the file where it is not there.
    pub(crate) makes_file: bool,
}

/// What is in force.
#[derive(Debug)]
pub(crate) struct Config {
    found: BTreeMap<&'static str, Found>,
    file: File,
    environment: Environment,
}

impl Flags {
    /// The same, with a flag that may not have been given.
    pub(crate) fn with(mut self, setting: &'static Setting, value: Option<impl Into<Value>>) -> Self {
        self.values.extend(value.map(|value| (setting, value.into())));
        self
    }

    /// The same, with a flag that is written as the variable is.
    ///
    /// # Errors
    /// `bad_request` that names the flag, and what to write there.
    pub(crate) fn with_text(self, setting: &'static Setting, text: Option<&str>) -> Result<Self> {
        let parsed = text.map(|text| setting.parse(text)).transpose();
        Ok(self.with(setting, parsed.map_err(|why| wrong(&Origin::Flag(setting.flag), &why))?))
    }

    /// The same, with a flag that can be repeated.
    pub(crate) fn with_each(self, setting: &'static Setting, values: &[String]) -> Self {
        self.with(setting, (!values.is_empty()).then(|| values.to_vec()))
    }
}

impl Config {
    /// # Errors
    /// `bad_request` that names the file, the variable or the flag, and what to write there.
    pub(crate) fn load(flags: &Flags, environment: Environment) -> Result<Self> {
        let file = File::find(flags.file.as_deref(), &environment, flags.makes_file)?;
        let mut found = BTreeMap::new();
        for setting in ALL {
            let value = match flags.values.iter().find(|(given, _)| given.name == setting.name) {
                Some((_, value)) => {
                    setting.check(value).map_err(|why| wrong(&Origin::Flag(setting.flag), &why))?;
                    Some(Found { value: value.clone(), origin: Origin::Flag(setting.flag) })
                }
                None => environment
                    .value(setting)?
                    .or_else(|| file.value(setting))
                    .or_else(|| Found::default_of(setting)),
            };
            found.extend(value.map(|value| (setting.name, value)));
        }
        let config = Self { found, file, environment };
        config.check_url()?;
        Ok(config)
    }

    /// Says where a URL comes from that is none.
    fn check_url(&self) -> Result<()> {
        let (Some(found), Err(error)) = (self.found(&URL), DatabaseUrl::parse(self.url())) else {
            return Ok(());
        };
        Err(wrong(&found.origin, &format!("is no URL of a database: {}", error.message())))
    }

    /// What is in force, none where nothing is.
    pub(crate) fn found(&self, setting: &Setting) -> Option<&Found> {
        self.found.get(setting.name)
    }

    pub(crate) fn text(&self, setting: &Setting) -> Option<&str> {
        self.found(setting).and_then(|found| found.value.as_str())
    }

    pub(crate) fn texts(&self, setting: &Setting) -> Vec<String> {
        let values = self.found(setting).and_then(|found| found.value.as_array());
        values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The tenants whose keys gateways let through.
    pub(crate) fn gateway_tenants(&self) -> Result<Tenants> {
        let found = self.found(&GATEWAY_TENANTS);
        found.map_or(Ok(Tenants::default()), |found| Tenants::from_json(&found.value.to_string()))
    }

    pub(crate) fn whole(&self, setting: &Setting) -> Option<u64> {
        self.found(setting).and_then(|found| found.value.as_u64())
    }

    pub(crate) fn path(&self, setting: &Setting) -> Option<PathBuf> {
        self.text(setting).map(PathBuf::from)
    }

    /// The place.
    pub(crate) fn url(&self) -> &str {
        self.text(&URL).unwrap_or_default()
    }

    /// Whether the place is another machine's, or another process's, to serve.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(DatabaseUrl::parse(self.url()), Ok(DatabaseUrl::Server))
    }

    /// The file of a place of one's own; none where it has none.
    pub(crate) fn database(&self) -> Option<PathBuf> {
        match DatabaseUrl::parse(self.url()) {
            Ok(DatabaseUrl::File(path)) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.file.endpoints
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// What `GATEKEEPER_TOKEN` holds.
    pub(crate) fn token(&self) -> Result<Option<Secret>> {
        self.environment.secret(TOKEN)
    }
}

impl Found {
    fn default_of(setting: &Setting) -> Option<Self> {
        setting.default.map(|text| Self {
            // A default is written as a variable would be, and is one that can be read.
            value: setting.parse(text).unwrap_or(Value::Null),
            origin: Origin::Default,
        })
    }
}

fn wrong(origin: &Origin, why: &str) -> GatekeeperError {
    GatekeeperError::bad_request(format!("{origin} {why}"))
}

/// Text for people: how `path` is shown.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
