//! The definition of a setting: its name in each source, and its type.

use std::fmt;
use std::path::PathBuf;

use gatekeeper::Tenants;
use gatekeeper::internal::whole_number;
use serde_json::Value;

/// A setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The name in the file, with its table: `server.port`.
    pub(crate) name: &'static str,
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// The flag; empty if there is none.
    pub(crate) flag: &'static str,
    pub(crate) kind: Kind,
    /// The default, written like the variable; `None` if there is no default.
    pub(crate) default: Option<&'static str>,
    /// A short description.
    pub(crate) about: &'static str,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// A list of texts. In a variable, the texts are separated by commas.
    List,
    /// `all`, or a list of tenants. In a variable, the tenants are separated by commas.
    Tenants,
    /// A whole number from a minimum to a maximum.
    Integer(u64, u64),
    OneOf(&'static [&'static str]),
}

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Setting {
    /// Parses the text of a variable or flag. The error says what the value must be.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Text | Kind::OneOf(_) => Value::from(text),
            Kind::Tenants if text.trim() == "all" => Value::from("all"),
            Kind::List | Kind::Tenants => listed(text),
            Kind::Integer(..) => whole_number(text.trim()).map_or(Value::Null, Value::from),
        };
        self.check(&value).map(|()| value)
    }

    /// Validates a value. The error says what the value must be.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        match self.kind {
            Kind::Text if is_text(value) => Ok(()),
            Kind::List if value.as_array().is_some_and(|all| all.iter().all(is_text)) => Ok(()),
            Kind::Tenants if Tenants::from_json(&value.to_string()).is_ok() => Ok(()),
            Kind::Integer(min, max) if value.as_u64().is_some_and(|number| (min..=max).contains(&number)) => {
                Ok(())
            }
            Kind::OneOf(known) if value.as_str().is_some_and(|text| known.contains(&text)) => Ok(()),
            kind => Err(format!("must be {kind}")),
        }
    }

    /// The table of the file that holds the setting, and its name in that table.
    pub(crate) fn path(&self) -> (Option<&'static str>, &'static str) {
        path_of(self.name)
    }

    /// The former table and name, if the setting was renamed.
    pub(super) fn former_path(&self) -> Option<(Option<&'static str>, &'static str)> {
        self.former_name().map(path_of)
    }
}

fn path_of(name: &'static str) -> (Option<&'static str>, &'static str) {
    match name.split_once('.') {
        Some((table, name)) => (Some(table), name),
        None => (None, name),
    }
}

/// The items of a list that is separated by commas.
fn listed(text: &str) -> Value {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a non-empty text"),
            Self::List => f.write_str("a list of non-empty texts"),
            Self::Tenants => f.write_str("\"all\" or a list of tenants, each an id or \"default\""),
            Self::Integer(min, max) => write!(f, "a whole number from {min} to {max}"),
            Self::OneOf(known) => write!(f, "one of {}", known.join(", ")),
        }
    }
}
