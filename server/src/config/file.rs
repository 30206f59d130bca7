//! Configuration from a file: settings, and endpoints with their limits.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use gatekeeper::internal::{field_name, whole_number};
use gatekeeper::{Endpoints, GatekeeperError, Result};
use serde_json::Value;
use toml::{Table, Value as Toml};

use super::environment::CONFIG;
use super::{ALL, DEFAULT_FILE, EffectiveValue, Environment, Origin, Setting};

/// The content of the configuration file; empty if the file does not exist.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// Whether the file exists.
    pub(crate) exists: bool,
    pub(crate) endpoints: Endpoints,
    table: Table,
}

impl File {
    /// The named file, which must exist unless the command creates it, or the default file, which need not exist.
    ///
    /// # Errors
    /// `bad_request` that names the file, the line or the setting, and the allowed values.
    pub(super) fn find(named: Option<&Path>, environment: &Environment, is_created: bool) -> Result<Self> {
        match named.or_else(|| environment.raw(CONFIG).map(Path::new)) {
            Some(path) => Self::read(path, !is_created),
            None => Self::read(Path::new(DEFAULT_FILE), false),
        }
    }

    /// Reads the same file again.
    ///
    /// # Errors
    /// As above, and also if the file does not exist.
    pub(crate) fn reload(&self) -> Result<Self> {
        Self::read(&self.path, true)
    }

    /// Whether all settings other than endpoints are equal.
    pub(crate) fn has_same_settings_as(&self, other: &Self) -> bool {
        let settings = |file: &Self| {
            let mut table = file.table.clone();
            table.remove("endpoints");
            table
        };
        settings(self) == settings(other)
    }

    /// The endpoints as written.
    pub(crate) fn written_endpoints(&self) -> Value {
        self.table.get("endpoints").map_or(Value::Null, json)
    }

    fn read(path: &Path, needed: bool) -> Result<Self> {
        let (text, exists) = match fs::read_to_string(path) {
            Ok(text) => (text, true),
            Err(error) if error.kind() == ErrorKind::NotFound && !needed => (String::new(), false),
            Err(error) => return Err(rejected(path, &format!("cannot be read: {error}")).caused_by(error)),
        };
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            // The parser's own `Display` repeats the line, which may contain a misplaced secret.
            let line = error
                .span()
                .map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
            rejected(path, &format!("line {line} is not TOML: {}", error.message()))
        })?;
        let endpoints = table.get("endpoints").map_or(Ok(Endpoints::new()), |endpoints| {
            let json = serde_json::to_string(endpoints).map_err(GatekeeperError::internal)?;
            Endpoints::from_json(&json).map_err(|error| rejected(path, error.message()))
        })?;
        let file = Self { path: path.to_owned(), exists, endpoints, table };
        file.check()?;
        Ok(file)
    }

    /// Rejects unknown settings and invalid values.
    fn check(&self) -> Result<()> {
        for (name, value) in &self.table {
            match (name.as_str(), value) {
                ("endpoints", _) => {}
                (table, Toml::Table(settings)) if tables().any(|known| known == table) => {
                    for (name, value) in settings {
                        self.check_one(Some(table), name, value)?;
                    }
                }
                _ => self.check_one(None, name, value)?,
            }
        }
        Ok(())
    }

    fn check_one(&self, table: Option<&str>, name: &str, value: &Toml) -> Result<()> {
        let shown = field_name(name);
        let at = table.map_or_else(|| shown.to_owned(), |table| format!("{table}.{shown}"));
        let is_named = |setting: &&&Setting| {
            setting.path() == (table, name) || setting.former_path() == Some((table, name))
        };
        let Some(setting) = ALL.iter().find(is_named) else {
            return Err(rejected(&self.path, &unknown(table, &at, name)));
        };
        setting.check(&json(value)).map_err(|why| rejected(&self.path, &format!("{at} {why}")))
    }

    pub(super) fn value(&self, setting: &Setting) -> Option<EffectiveValue> {
        let of_former = || setting.former_path().and_then(|path| self.get(path));
        let value = self.get(setting.path()).or_else(of_former)?;
        Some(EffectiveValue { value: json(value), origin: Origin::File(self.path.clone()) })
    }

    /// The former names of settings that are in the file, each with the name that replaces it.
    pub(crate) fn renamed(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        ALL.iter().filter_map(|setting| {
            let former = setting.former_path()?;
            self.get(former).and(setting.former_name().map(|name| (name, setting.name)))
        })
    }

    fn get(&self, (table, name): (Option<&str>, &str)) -> Option<&Toml> {
        match table {
            Some(table) => self.table.get(table)?.as_table()?.get(name),
            None => self.table.get(name),
        }
    }
}

/// The tables that contain settings, with repetitions.
fn tables() -> impl Iterator<Item = &'static str> {
    ALL.iter().filter_map(|setting| setting.path().0)
}

fn json(value: &Toml) -> Value {
    match value {
        // TOML distinguishes 8787.0 from 8787; a numeric setting accepts both.
        Toml::Float(number) => whole_number(&number.to_string()).map_or((*number).into(), Value::from),
        _ => serde_json::to_value(value).unwrap_or(Value::Null),
    }
}

fn unknown(table: Option<&str>, at: &str, name: &str) -> String {
    if ["secret", "token", "key", "rootKey", "password"].contains(&name) {
        let variable = if name == "token" { super::TOKEN } else { super::SECRET };
        return format!(
            "{at} is not a known setting: secrets do not belong in this file, set {variable} instead"
        );
    }
    let mut known: Vec<&str> =
        ALL.iter().filter(|setting| setting.path().0 == table).map(|setting| setting.path().1).collect();
    if table.is_none() {
        known.extend(["[server]", "[gateway]", "[tokens]", "[endpoints.NAME]"]);
    }
    let location = table.map_or_else(|| "the settings are".to_owned(), |table| format!("[{table}] has"));
    format!("{at} is not a known setting: {location} {}", known.join(", "))
}

fn rejected(path: &Path, what: &str) -> GatekeeperError {
    GatekeeperError::bad_request(format!("{}: {what}", path.display()))
}
