//! Configuration from environment variables that begin with `GATEKEEPER_`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::Path;

use gatekeeper::{GatekeeperError, Result, Secret};
use zeroize::Zeroizing;

use super::{ALL, EffectiveValue, Origin, Setting, wrong};

/// The secret that encrypts signing keys and authenticates cursors.
pub(crate) const SECRET: &str = "GATEKEEPER_SECRET";
/// The previous secret, while it is being changed.
pub(crate) const PREVIOUS_SECRET: &str = "GATEKEEPER_SECRET_PREVIOUS";
/// The credential of the caller: for a server, and for operations that users perform on their own account.
pub(crate) const TOKEN: &str = "GATEKEEPER_TOKEN";
/// The API key for commands that read one.
pub(crate) const KEY: &str = "GATEKEEPER_KEY";
/// The configuration file.
pub(crate) const CONFIG: &str = "GATEKEEPER_CONFIG";

const PREFIX: &str = "GATEKEEPER_";
/// The suffix of a variable that names a file with the secret.
const FILE: &str = "_FILE";

/// Environment variables. `Debug` shows only their names, because some hold secrets.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process. An empty variable counts as not set.
    pub(crate) fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The value of a variable as text.
    ///
    /// # Errors
    /// `bad_request` if it is not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>> {
        let text = |value: &OsStr| value.to_str().map(|_| ()).is_some();
        match self.raw(name) {
            Some(value) if !text(value) => Err(GatekeeperError::bad_request(format!("{name} is not UTF-8"))),
            value => Ok(value.and_then(OsStr::to_str)),
        }
    }

    /// A secret: the value of the variable without a trailing line break, or the first line of the file that the
    /// variable with the suffix `_FILE` names, which is how containers receive secrets.
    ///
    /// # Errors
    /// `bad_request` if both are set or the file cannot be read. The message repeats nothing of the secret.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<Secret>> {
        let of_file = format!("{name}{FILE}");
        let Some(path) = self.raw(&of_file).map(Path::new) else {
            return Ok(self.text(name)?.map(Secret::of_setting));
        };
        if self.raw(name).is_some() {
            return Err(GatekeeperError::bad_request(format!(
                "{name} and {of_file} are both set: unset one of them"
            )));
        }
        let read = fs::read_to_string(path).map_err(|error| {
            let message = format!("{of_file}: \"{}\" cannot be read: {error}", path.display());
            GatekeeperError::bad_request(message).caused_by(error)
        })?;
        let text = Zeroizing::new(read);
        match text.lines().next() {
            Some(line) if !line.is_empty() => Ok(Some(Secret::of_setting(line))),
            _ => Err(GatekeeperError::bad_request(format!("{of_file}: \"{}\" is empty", path.display()))),
        }
    }

    /// The variable that provides a secret, if it is set.
    pub(crate) fn origin(&self, name: &str) -> Option<String> {
        [name.to_owned(), format!("{name}{FILE}")].into_iter().find(|name| self.raw(name).is_some())
    }

    pub(super) fn value(&self, setting: &Setting) -> Result<Option<EffectiveValue>> {
        let named = |variable| Ok::<_, GatekeeperError>(self.text(variable)?.map(|text| (variable, text)));
        let found = match (named(setting.variable)?, setting.former_variable()) {
            (None, Some(former)) => named(former)?,
            (found, _) => found,
        };
        let Some((variable, text)) = found else { return Ok(None) };
        let origin = Origin::Variable(variable);
        let value = setting.parse(text).map_err(|why| {
            // For a service named `gatekeeper`, Kubernetes sets GATEKEEPER_PORT to its address.
            let of_kubernetes = text.starts_with("tcp://");
            let hint = if of_kubernetes {
                "; Kubernetes sets this variable: set enableServiceLinks: false"
            } else {
                ""
            };
            wrong(&origin, &format!("{why}{hint}"))
        })?;
        Ok(Some(EffectiveValue { value, origin }))
    }

    /// The former variables that are set, each with the variable that replaces it.
    pub(crate) fn renamed(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        ALL.iter().filter_map(|setting| {
            let former = setting.former_variable()?;
            self.raw(former).map(|_| (former, setting.variable))
        })
    }

    /// The names of variables with our prefix that are not known.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        let known = |name: &str| {
            let secret = name.strip_suffix(FILE).unwrap_or(name);
            [SECRET, PREVIOUS_SECRET, TOKEN, KEY].contains(&secret)
                || name == CONFIG
                || ALL
                    .iter()
                    .any(|setting| setting.variable == name || setting.former_variable() == Some(name))
        };
        self.0.keys().map(String::as_str).filter(move |name| !known(name))
    }
}

impl FromIterator<(String, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        let ours = |(name, value): &(String, OsString)| name.starts_with(PREFIX) && !value.is_empty();
        Self(variables.into_iter().filter(ours).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
