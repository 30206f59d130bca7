//! One setting: what it is called in each source, and what it can be.

use std::fmt;
use std::path::PathBuf;

use gatekeeper::{Tenants, whole_number};
use serde_json::Value;

/// A setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// In the file, with its table: `server.port`.
    pub(crate) name: &'static str,
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// The flag; empty where there is none.
    pub(crate) flag: &'static str,
    pub(crate) kind: Kind,
    /// The default, as it would be written in the variable; none for nothing.
    pub(crate) default: Option<&'static str>,
    /// What it is, for people.
    pub(crate) about: &'static str,
}

/// What a setting can be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// A list; in a variable, separated by commas.
    Texts,
    /// `all`, or a list of tenants; in a variable, separated by commas.
    Tenants,
    Whole(u64, u64),
    OneOf(&'static [&'static str]),
}

/// Where a value came from.
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
    /// The value that `text` of a variable stands for; otherwise what it must be.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Text | Kind::OneOf(_) => Value::from(text),
            Kind::Tenants if text.trim() == "all" => Value::from("all"),
            Kind::Texts | Kind::Tenants => listed(text),
            Kind::Whole(..) => whole_number(text.trim()).map_or(Value::Null, Value::from),
        };
        self.check(&value).map(|()| value)
    }

    /// What a value must be, where it is not that.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        match self.kind {
            Kind::Text if is_text(value) => Ok(()),
            Kind::Texts if value.as_array().is_some_and(|all| all.iter().all(is_text)) => Ok(()),
            Kind::Tenants if Tenants::from_json(&value.to_string()).is_ok() => Ok(()),
            Kind::Whole(least, most)
                if value.as_u64().is_some_and(|number| (least..=most).contains(&number)) =>
            {
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

    /// The same for the former name of the setting, if it has one.
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

/// The parts of a list, which commas separate.
fn listed(text: &str) -> Value {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text that is not empty"),
            Self::Texts => f.write_str("a list of texts that are not empty"),
            Self::Tenants => f.write_str("\"all\" or a list of tenants, each an id or \"default\""),
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::OneOf(known) => write!(f, "one of {}", known.join(", ")),
        }
    }
}
