//! A session: the effective configuration, and the functions by which commands execute requests.

use std::time::Duration;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::{Access, OperationDescriptor, TABLE, visible_json};
use gatekeeper::{GatekeeperError, KeyImports, Options, SigningAlgorithm};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::output::{self, Output};
use super::prompt;
use super::request::{OperationRequest, TENANT_ID, TENANTS};
use super::show;
use crate::config::{
    AUDIENCE, CACHE_KEYS, CACHE_UNKNOWN_KEYS, Config, Environment, Flags, IMPORT_SUFFIXES,
    IMPORT_SUFFIXES_PER_TENANT, ISSUER, KEY_IMPORTS, PREVIOUS_SECRET, REFRESH_GRACE_MS, REFRESHES_PER_MINUTE,
    SECRET, SESSION_DAYS, SESSIONS_PER_USER, SIGNING_ALGORITHM, SIGNUPS_PER_MINUTE, TENANT, TOKEN_AUDIENCES,
    USAGE_RETENTION_DAYS, WRONG_KEYS_PER_MINUTE, WRONG_PASSWORDS_PER_MINUTE,
};

/// The effective configuration and the output format of a command.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) output: Output,
}

impl Session {
    pub(crate) fn open(flags: &Flags, output: Output) -> Result<Self, Failure> {
        Ok(Self { config: Config::load(flags, Environment::of_process())?, output })
    }

    /// The client of the database: the operator on an embedded database, the bearer of `GATEKEEPER_TOKEN` on a server.
    pub(crate) fn gatekeeper(&self) -> Result<Gatekeeper, Failure> {
        let gatekeeper = Gatekeeper::open_with(self.config.url(), options(&self.config)?)?;
        match self.config.token()? {
            Some(token) if self.config.is_remote() => Ok(gatekeeper.with_token(&token)),
            _ => Ok(gatekeeper),
        }
    }

    /// The client of a database that must exist already.
    pub(crate) fn existing_database(&self) -> Result<Gatekeeper, Failure> {
        match self.config.database() {
            Some(path) if !path.exists() => Err(GatekeeperError::unavailable(format!(
                "the database \"{}\" does not exist: run `gatekeeper init`, or name another one with --url",
                path.display()
            ))
            .into()),
            _ => self.gatekeeper(),
        }
    }

    /// Executes a request and shows its response.
    pub(crate) fn execute(&self, request: &OperationRequest) -> Result<(), Failure> {
        let descriptor = descriptor(request.operation)?;
        let gatekeeper = self.client_for(&self.existing_database()?, descriptor)?;
        let mut fields = self.with_tenant(request.fields.clone());
        for (field, secret) in &request.secrets {
            let secret = prompt::secret(*secret, self.config.environment())?;
            fields.insert((*field).to_owned(), secret.expose().into());
        }
        if request.all {
            return self.fetch_all(&gatekeeper, request, fields);
        }
        if request.in_parts {
            return self.write_parts(&gatekeeper, descriptor, fields);
        }
        let response = self.call(&gatekeeper, descriptor, &fields)?;
        self.show(&response, request)?;
        match request.rejected {
            Some(is_rejected) if is_rejected(&parse(&response)?) => Err(Failure::Reported),
            _ => Ok(()),
        }
    }

    pub(crate) fn show(&self, response: &str, request: &OperationRequest) -> Result<(), Failure> {
        let shown = if self.output.json {
            output::bytes(format!("{}\n", visible_json(response)).as_bytes())
        } else {
            show::response(self.output, response, request)
        };
        shown.map_err(|failure| if request.note.is_empty() { failure } else { failure.of_secret() })
    }

    /// Calls an operation and returns the response in JSON.
    pub(crate) fn call(
        &self,
        gatekeeper: &Gatekeeper,
        descriptor: &OperationDescriptor,
        fields: &Map<String, Value>,
    ) -> Result<String, Failure> {
        let request = Value::Object(fields.clone()).to_string();
        self.call_with(gatekeeper, descriptor, &request)
    }

    pub(crate) fn call_with(
        &self,
        gatekeeper: &Gatekeeper,
        descriptor: &OperationDescriptor,
        request: &str,
    ) -> Result<String, Failure> {
        let response = gatekeeper.call_json(descriptor.name, request);
        warn(gatekeeper);
        let needs_token = descriptor.access == Access::User
            || self.config.is_remote() && descriptor.access != Access::Public;
        if needs_token
            && response.as_ref().is_err_and(|error| error.status() == 401)
            && self.config.token()?.is_none()
        {
            self.output
                .note("GATEKEEPER_TOKEN is not set; `gatekeeper users login` prints a user's access token");
        }
        Ok(response?)
    }

    /// The client for an operation. Operations that users perform on their own account run as the bearer of
    /// `GATEKEEPER_TOKEN` on an embedded database too, because the operator is not a user.
    pub(crate) fn client_for(
        &self,
        gatekeeper: &Gatekeeper,
        descriptor: &OperationDescriptor,
    ) -> Result<Gatekeeper, Failure> {
        Ok(match (descriptor.access, self.config.token()?) {
            _ if self.config.is_remote() => gatekeeper.clone(),
            (Access::User, Some(token)) => gatekeeper.with_token(&token),
            (Access::User, None) => gatekeeper.anonymous(),
            _ => gatekeeper.clone(),
        })
    }

    /// The fields with the selected tenant filled in. A server decides itself which tenants' keys it accepts from the
    /// caller.
    fn with_tenant(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        let tenant = self.config.text(&TENANT);
        if let Some(field) = fields.get_mut(TENANT_ID).filter(|field| field.is_null()) {
            *field = tenant.into();
        }
        if fields.get(TENANTS).is_some_and(Value::is_null) {
            fields.remove(TENANTS);
            if !self.config.is_remote() {
                fields.insert(TENANTS.to_owned(), vec![tenant.unwrap_or_default()].into());
            }
        }
        fields
    }

    /// Writes a text part by part, as it arrives; in JSON as one string.
    fn write_parts(
        &self,
        gatekeeper: &Gatekeeper,
        descriptor: &OperationDescriptor,
        mut fields: Map<String, Value>,
    ) -> Result<(), Failure> {
        let (begin, end) = if self.output.json { ("\"", "\"\n") } else { ("", "") };
        let mut begin = Some(begin);
        loop {
            let page = parse(&self.call(gatekeeper, descriptor, &fields)?)?;
            // Printed after the first page has arrived, so that a rejected request prints no output.
            output::bytes(begin.take().unwrap_or_default().as_bytes())?;
            for part in page.get("items").and_then(Value::as_array).into_iter().flatten() {
                let text = part.get("text").and_then(Value::as_str).unwrap_or_default();
                if self.output.json {
                    let quoted = Value::from(text).to_string();
                    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                    output::bytes(inner.unwrap_or_default().as_bytes())?;
                } else {
                    output::bytes(text.as_bytes())?;
                }
            }
            match page.get("nextCursor") {
                Some(cursor @ Value::String(_)) => fields.insert("cursor".to_owned(), cursor.clone()),
                _ => return output::bytes(end.as_bytes()),
            };
        }
    }

    fn fetch_all(
        &self,
        gatekeeper: &Gatekeeper,
        request: &OperationRequest,
        mut fields: Map<String, Value>,
    ) -> Result<(), Failure> {
        let descriptor = descriptor(request.operation)?;
        fields.insert("limit".to_owned(), 100.into());
        let mut table = show::Table::new(request.columns);
        loop {
            let page = parse(&self.call(gatekeeper, descriptor, &fields)?)?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if self.output.json {
                items.iter().try_for_each(output::json)?;
            } else {
                table.show(items)?;
            }
            match page.get("nextCursor") {
                Some(cursor @ Value::String(_)) => fields.insert("cursor".to_owned(), cursor.clone()),
                _ => return Ok(()),
            };
        }
    }
}

/// Prints the warning of the client, if there is one.
pub(crate) fn warn(gatekeeper: &Gatekeeper) {
    if let Some(warning) = gatekeeper.take_warning() {
        output::message(&warning);
    }
}

/// The operation with this name.
pub(crate) fn descriptor(name: &str) -> Result<&'static OperationDescriptor, Failure> {
    TABLE.iter().find(|descriptor| descriptor.name == name).ok_or_else(|| {
        let names: Vec<&str> = TABLE.iter().map(|descriptor| descriptor.name).collect();
        Failure::Usage(format!("no operation has this name; the operations are {}", names.join(", ")))
    })
}

pub(crate) fn parse(response: &str) -> Result<Value, Failure> {
    Ok(serde_json::from_str(response).map_err(GatekeeperError::internal)?)
}

/// The options to open the database with. A server ignores those about tokens, usage and endpoints: it has its own.
pub(crate) fn options(config: &Config) -> Result<Options, Failure> {
    if config.is_remote() {
        return Ok(Options::default());
    }
    let size = |setting| usize::try_from(config.integer(setting).unwrap_or_default()).unwrap_or(usize::MAX);
    let mut options = Options::default();
    options.cache_keys = size(&CACHE_KEYS);
    options.cache_unknown_keys = size(&CACHE_UNKNOWN_KEYS);
    options.secret = config.environment().secret(SECRET)?;
    options.previous_secret = config.environment().secret(PREVIOUS_SECRET)?;
    config.text(&ISSUER).unwrap_or_default().clone_into(&mut options.issuer);
    config.text(&AUDIENCE).unwrap_or_default().clone_into(&mut options.audience);
    options.token_audiences = config.list(&TOKEN_AUDIENCES);
    options.refresh_grace = Duration::from_millis(config.integer(&REFRESH_GRACE_MS).unwrap_or_default());
    if config.text(&SIGNING_ALGORITHM) == Some("RS256") {
        options.signing_algorithm = SigningAlgorithm::Rs256;
    }
    let whole = |setting| config.integer(setting).and_then(|number| u32::try_from(number).ok());
    options.session_days = whole(&SESSION_DAYS).unwrap_or(options.session_days);
    options.sessions_per_user = whole(&SESSIONS_PER_USER).unwrap_or(options.sessions_per_user);
    options.usage_retention_days = whole(&USAGE_RETENTION_DAYS);
    options.signups_per_minute = whole(&SIGNUPS_PER_MINUTE).unwrap_or(options.signups_per_minute);
    options.refreshes_per_minute = whole(&REFRESHES_PER_MINUTE).unwrap_or(options.refreshes_per_minute);
    options.wrong_keys_per_minute = whole(&WRONG_KEYS_PER_MINUTE).unwrap_or(options.wrong_keys_per_minute);
    options.wrong_passwords_per_minute =
        whole(&WRONG_PASSWORDS_PER_MINUTE).unwrap_or(options.wrong_passwords_per_minute);
    if config.text(&KEY_IMPORTS) == Some("members") {
        options.key_imports = KeyImports::Members;
    }
    options.import_suffixes_per_tenant =
        whole(&IMPORT_SUFFIXES_PER_TENANT).unwrap_or(options.import_suffixes_per_tenant);
    options.import_suffixes = whole(&IMPORT_SUFFIXES).unwrap_or(options.import_suffixes);
    options.endpoints = config.endpoints().clone();
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_the_options_are_the_defaults_of_the_library() {
        let config = Config::load(&Flags::default(), Environment::default()).unwrap();
        let (given, default) = (options(&config).unwrap(), Options::default());
        let of = |options: &Options| {
            (
                (options.cache_keys, options.cache_unknown_keys, options.refresh_grace),
                (options.issuer.clone(), options.audience.clone(), options.signing_algorithm),
                (options.signups_per_minute, options.refreshes_per_minute, options.wrong_keys_per_minute),
                (options.key_imports, options.import_suffixes_per_tenant, options.import_suffixes),
                (options.wrong_passwords_per_minute, options.usage_retention_days),
                (options.session_days, options.sessions_per_user),
            )
        };
        assert_eq!(of(&given), of(&default));
    }
}
