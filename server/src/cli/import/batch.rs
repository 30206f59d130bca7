//! Imports keys in batches, and finds which keys of a rejected batch are at fault.

use serde::{Deserialize, Serialize};

use super::lines::Line;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use gatekeeper::keys::ImportWarning;
use gatekeeper::{ErrorKind, GatekeeperError};

/// The maximum size of a batch: the number of keys that an operation accepts, and less than a server's bound on bodies.
const MAX_KEYS: usize = 1000;
const MAX_BYTES: usize = 512 * 1024;

/// The maximum number of rejected lines, and of warnings, in the summary.
const MAX_REPORTED: usize = 1000;

/// The summary of an import.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) imported: u64,
    pub(super) rejected: u64,
    /// The first lines that were rejected.
    pub(super) errors: Vec<Rejected>,
    /// The first lines that were imported differently from how they were written.
    pub(super) warnings: Vec<Warned>,
}

#[derive(Serialize)]
pub(super) struct Warned {
    line: u64,
    warning: String,
}

#[derive(Serialize)]
pub(super) struct Rejected {
    line: u64,
    error: String,
}

pub(super) struct Importer<'a> {
    call: &'a dyn Fn(&str) -> Result<String, Failure>,
    output: Output,
    tenant: &'a str,
    stops: bool,
    pub(super) summary: Summary,
}

impl<'a> Importer<'a> {
    pub(super) fn new(
        call: &'a dyn Fn(&str) -> Result<String, Failure>,
        output: Output,
        tenant: &'a str,
        stops: bool,
    ) -> Self {
        Self { call, output, tenant, stops, summary: Summary::default() }
    }

    pub(super) fn import_all(&mut self, lines: impl Iterator<Item = Line>) -> Result<(), Failure> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for Line { number, key } in lines {
            match key {
                Ok(key) => {
                    if batch.len() == MAX_KEYS || bytes + key.len() > MAX_BYTES {
                        self.import(&std::mem::take(&mut batch))?;
                        bytes = 0;
                    }
                    bytes += key.len();
                    batch.push((number, key));
                }
                Err(why) => {
                    if self.stops {
                        self.import(&std::mem::take(&mut batch))?;
                    }
                    self.reject(number, why)?;
                }
            }
        }
        self.import(&batch)
    }

    /// Imports a batch. If it is rejected, imports each half of it, until the keys at fault are found.
    fn import(&mut self, keys: &[(u64, String)]) -> Result<(), Failure> {
        let Some((number, _)) = keys.first() else { return Ok(()) };
        match (self.call)(&self.request(keys)) {
            Ok(response) => {
                self.summary.imported += keys.len() as u64;
                self.warn(keys, &response)?;
                self.output.progress(&format!(
                    "{} imported, {} rejected",
                    self.summary.imported, self.summary.rejected
                ));
                Ok(())
            }
            Err(Failure::Rejected(error)) if is_about_keys(&error) => {
                if keys.len() == 1 {
                    return self.reject(*number, of_one_key(error.message()));
                }
                let (first, second) = keys.split_at(keys.len() / 2);
                self.import(first)?;
                self.import(second)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Reports the lines that were imported differently from how they were written.
    fn warn(&mut self, keys: &[(u64, String)], response: &str) -> Result<(), Failure> {
        let Warnings { warnings } = serde_json::from_str(response).map_err(GatekeeperError::internal)?;
        for ImportWarning { index, message, .. } in warnings {
            let line = keys.get(index as usize).map_or(0, |(number, _)| *number);
            self.output.end_progress();
            self.output.note(&format!("line {line}: {message}"));
            if self.summary.warnings.len() < MAX_REPORTED {
                self.summary.warnings.push(Warned { line, warning: message });
            }
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, error: String) -> Result<(), Failure> {
        self.output.end_progress();
        self.output.note(&format!("line {line}: {error}"));
        self.summary.rejected += 1;
        if self.summary.errors.len() < MAX_REPORTED {
            self.summary.errors.push(Rejected { line, error });
        }
        if self.stops { Err(Failure::Reported) } else { Ok(()) }
    }

    /// A request with the keys exactly as they were read, so that a field given twice is rejected.
    fn request(&self, keys: &[(u64, String)]) -> String {
        let keys: Vec<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
        format!("{{\"tenantId\":{},\"keys\":[{}]}}", serde_json::Value::from(self.tenant), keys.join(","))
    }
}

/// The warnings in a response; a server of an earlier version sends none.
#[derive(Deserialize)]
struct Warnings {
    #[serde(default)]
    warnings: Vec<ImportWarning>,
}

/// The message, without the index of the key in its batch.
fn of_one_key(message: &str) -> String {
    let rest = message.strip_prefix("keys[0]").map(|rest| rest.trim_start_matches([':', '.', ' ']));
    rest.unwrap_or(message).to_owned()
}

/// Whether the keys can be at fault, rather than the caller, the tenant or the state of the server.
fn is_about_keys(error: &GatekeeperError) -> bool {
    matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::Conflict)
        && !error.message().starts_with("tenantId")
}
