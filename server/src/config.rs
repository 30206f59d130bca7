//! The effective configuration and the source of each value. Flags override environment variables, which override the
//! file, which overrides defaults.
//!
//! TOML is read by hand rather than through a library of layers, because the source of every value must be known.

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

/// The default configuration file.
pub(crate) const DEFAULT_FILE: &str = "gatekeeper.toml";

/// A value and its source.
#[derive(Clone, Debug)]
pub(crate) struct EffectiveValue {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// The configuration from the command line: the file to read, and values that override it.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    pub(crate) file: Option<PathBuf>,
    pub(crate) values: Vec<(&'static Setting, Value)>,
    /// Whether the command creates the file if it does not exist.
    pub(crate) creates_file: bool,
}

/// The effective configuration.
#[derive(Debug)]
pub(crate) struct Config {
    found: BTreeMap<&'static str, EffectiveValue>,
    file: File,
    environment: Environment,
}

impl Flags {
    /// Adds a flag, if it was given.
    pub(crate) fn with(mut self, setting: &'static Setting, value: Option<impl Into<Value>>) -> Self {
        self.values.extend(value.map(|value| (setting, value.into())));
        self
    }

    /// Adds a flag that is written like its environment variable.
    ///
    /// # Errors
    /// `bad_request` that names the flag and the allowed values.
    pub(crate) fn with_text(self, setting: &'static Setting, text: Option<&str>) -> Result<Self> {
        let parsed = text.map(|text| setting.parse(text)).transpose();
        Ok(self.with(setting, parsed.map_err(|why| wrong(&Origin::Flag(setting.flag), &why))?))
    }

    /// Adds a flag that can be repeated.
    pub(crate) fn with_list(self, setting: &'static Setting, values: &[String]) -> Self {
        self.with(setting, (!values.is_empty()).then(|| values.to_vec()))
    }
}

impl Config {
    /// Loads the configuration from all sources.
    ///
    /// # Errors
    /// `bad_request` that names the file, the variable or the flag, and the allowed values.
    pub(crate) fn load(flags: &Flags, environment: Environment) -> Result<Self> {
        let file = File::find(flags.file.as_deref(), &environment, flags.creates_file)?;
        let mut found = BTreeMap::new();
        for setting in ALL {
            let value = match flags.values.iter().find(|(given, _)| given.name == setting.name) {
                Some((_, value)) => {
                    setting.check(value).map_err(|why| wrong(&Origin::Flag(setting.flag), &why))?;
                    Some(EffectiveValue { value: value.clone(), origin: Origin::Flag(setting.flag) })
                }
                None => environment
                    .value(setting)?
                    .or_else(|| file.value(setting))
                    .or_else(|| EffectiveValue::default_of(setting)),
            };
            found.extend(value.map(|value| (setting.name, value)));
        }
        let config = Self { found, file, environment };
        config.check_url()?;
        Ok(config)
    }

    /// Rejects an invalid URL with its source.
    fn check_url(&self) -> Result<()> {
        let (Some(found), Err(error)) = (self.effective(&URL), DatabaseUrl::parse(self.url())) else {
            return Ok(());
        };
        Err(wrong(&found.origin, &format!("is not a database URL: {}", error.message())))
    }

    /// The effective value of a setting and its source; `None` if the setting is not set and has no default.
    pub(crate) fn effective(&self, setting: &Setting) -> Option<&EffectiveValue> {
        self.found.get(setting.name)
    }

    pub(crate) fn text(&self, setting: &Setting) -> Option<&str> {
        self.effective(setting).and_then(|found| found.value.as_str())
    }

    pub(crate) fn list(&self, setting: &Setting) -> Vec<String> {
        let values = self.effective(setting).and_then(|found| found.value.as_array());
        values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The tenants whose keys gateways accept.
    pub(crate) fn gateway_tenants(&self) -> Result<Tenants> {
        let found = self.effective(&GATEWAY_TENANTS);
        found.map_or(Ok(Tenants::default()), |found| Tenants::from_json(&found.value.to_string()))
    }

    pub(crate) fn integer(&self, setting: &Setting) -> Option<u64> {
        self.effective(setting).and_then(|found| found.value.as_u64())
    }

    pub(crate) fn path(&self, setting: &Setting) -> Option<PathBuf> {
        self.text(setting).map(PathBuf::from)
    }

    /// The URL of the database.
    pub(crate) fn url(&self) -> &str {
        self.text(&URL).unwrap_or_default()
    }

    /// Whether the URL is that of a server.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(DatabaseUrl::parse(self.url()), Ok(DatabaseUrl::Server))
    }

    /// The file of an embedded database; `None` for `memory:` and for a server.
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

    /// The credential in `GATEKEEPER_TOKEN`.
    pub(crate) fn token(&self) -> Result<Option<Secret>> {
        self.environment.secret(TOKEN)
    }
}

impl EffectiveValue {
    fn default_of(setting: &Setting) -> Option<Self> {
        setting.default.map(|text| Self {
            // A default is written like a variable, and a test parses each of them.
            value: setting.parse(text).unwrap_or(Value::Null),
            origin: Origin::Default,
        })
    }
}

fn wrong(origin: &Origin, why: &str) -> GatekeeperError {
    GatekeeperError::bad_request(format!("{origin} {why}"))
}

/// A path as text.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
