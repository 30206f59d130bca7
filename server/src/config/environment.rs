//! What the environment says: variables that begin with `GATEKEEPER_`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::Path;

use gatekeeper::{GatekeeperError, Result, Secret};
use zeroize::Zeroizing;

use super::{ALL, Found, Origin, Setting, wrong};

/// What seals signing keys and authenticates cursors.
pub(crate) const SECRET: &str = "GATEKEEPER_SECRET";
/// The secret before, while it is changed.
pub(crate) const PREVIOUS_SECRET: &str = "GATEKEEPER_SECRET_PREVIOUS";
/// Who is calling, over HTTP and for what users do themselves.
pub(crate) const TOKEN: &str = "GATEKEEPER_TOKEN";
/// A key to verify.
pub(crate) const KEY: &str = "GATEKEEPER_KEY";
/// The file to read.
pub(crate) const CONFIG: &str = "GATEKEEPER_CONFIG";

const PREFIX: &str = "GATEKEEPER_";
/// After the name of a secret: the file that holds it.
const FILE: &str = "_FILE";

/// Variables. Never shows what they hold: some are secrets.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Those of this process. An empty one is none.
    pub(crate) fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The variable as text.
    ///
    /// # Errors
    /// `bad_request` where it is not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>> {
        let text = |value: &OsStr| value.to_str().map(|_| ()).is_some();
        match self.raw(name) {
            Some(value) if !text(value) => Err(GatekeeperError::bad_request(format!("{name} is not UTF-8"))),
            value => Ok(value.and_then(OsStr::to_str)),
        }
    }

    /// A secret: the variable without a line break at its end, or the first line of the file that the variable with `_FILE` after its name names, as
    /// containers are given secrets.
    ///
    /// # Errors
    /// `bad_request` where both are set, and for what cannot be read; it repeats nothing of the secret.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<Secret>> {
        let of_file = format!("{name}{FILE}");
        let Some(path) = self.raw(&of_file).map(Path::new) else {
            return Ok(self.text(name)?.map(Secret::of_setting));
        };
        if self.raw(name).is_some() {
            return Err(GatekeeperError::bad_request(format!(
                "{name} and {of_file} are both set: leave one out"
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

    /// Where a secret would come from, if it is set.
    pub(crate) fn origin(&self, name: &str) -> Option<String> {
        [name.to_owned(), format!("{name}{FILE}")].into_iter().find(|name| self.raw(name).is_some())
    }

    pub(super) fn value(&self, setting: &Setting) -> Result<Option<Found>> {
        let named = |variable| Ok::<_, GatekeeperError>(self.text(variable)?.map(|text| (variable, text)));
        let found = match (named(setting.variable)?, setting.former_variable()) {
            (None, Some(former)) => named(former)?,
            (found, _) => found,
        };
        let Some((variable, text)) = found else { return Ok(None) };
        let origin = Origin::Variable(variable);
        let value = setting.parse(text).map_err(|why| {
            // Whoever calls a service `gatekeeper` has its address in GATEKEEPER_PORT.
            let of_kubernetes = text.starts_with("tcp://");
            let hint =
                if of_kubernetes { "; Kubernetes has set it: say enableServiceLinks: false" } else { "" };
            wrong(&origin, &format!("{why}{hint}"))
        })?;
        Ok(Some(Found { value, origin }))
    }

    /// Variables that look like ours and are not.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        let known = |name: &str| {
            let secret = name.strip_suffix(FILE).unwrap_or(name);
            [SECRET, PREVIOUS_SECRET, TOKEN, KEY].contains(&secret)
                || name == CONFIG
                || ALL.iter().any(|setting| setting.variable == name)
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
