//! Imports keys as many at once as an operation takes, and finds which of them are rejected.

use serde::{Deserialize, Serialize};

use super::lines::Line;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use gatekeeper::{ErrorKind, GatekeeperError, ImportWarning};

/// What one call takes: so many keys, and less than a server's bound on bodies.
const MAX_KEYS: usize = 1000;
const MAX_BYTES: usize = 512 * 1024;

/// How many rejected lines are told of at the end.
const MAX_TOLD: usize = 1000;

/// How it went.
#[derive(Default)]
pub(super) struct Done {
    pub(super) imported: u64,
    pub(super) rejected: u64,
    /// The first of those that were rejected.
    pub(super) errors: Vec<Rejected>,
    /// The first of those that were imported otherwise than they were written.
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
    pub(super) done: Done,
}

impl<'a> Importer<'a> {
    pub(super) fn new(
        call: &'a dyn Fn(&str) -> Result<String, Failure>,
        output: Output,
        tenant: &'a str,
        stops: bool,
    ) -> Self {
        Self { call, output, tenant, stops, done: Done::default() }
    }

    pub(super) fn take_all(&mut self, lines: impl Iterator<Item = Line>) -> Result<(), Failure> {
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

    /// Imports these, and where they are rejected, each half of them, until the ones remain that are.
    fn import(&mut self, keys: &[(u64, String)]) -> Result<(), Failure> {
        let Some((number, _)) = keys.first() else { return Ok(()) };
        match (self.call)(&self.request(keys)) {
            Ok(answer) => {
                self.done.imported += keys.len() as u64;
                self.warn(keys, &answer)?;
                self.output
                    .progress(&format!("{} imported, {} rejected", self.done.imported, self.done.rejected));
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

    /// Tells of what was imported otherwise than it was written.
    fn warn(&mut self, keys: &[(u64, String)], answer: &str) -> Result<(), Failure> {
        let Warnings { warnings } = serde_json::from_str(answer).map_err(GatekeeperError::internal)?;
        for ImportWarning { index, message } in warnings {
            let line = keys.get(index as usize).map_or(0, |(number, _)| *number);
            self.output.end_progress();
            self.output.note(&format!("line {line}: {message}"));
            if self.done.warnings.len() < MAX_TOLD {
                self.done.warnings.push(Warned { line, warning: message });
            }
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, error: String) -> Result<(), Failure> {
        self.output.end_progress();
        self.output.note(&format!("line {line}: {error}"));
        self.done.rejected += 1;
        if self.done.errors.len() < MAX_TOLD {
            self.done.errors.push(Rejected { line, error });
        }
        if self.stops { Err(Failure::Said) } else { Ok(()) }
    }

    /// The keys stand in it as they were read, so that a field that is given twice is rejected.
    fn request(&self, keys: &[(u64, String)]) -> String {
        let keys: Vec<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
        format!("{{\"tenantId\":{},\"keys\":[{}]}}", serde_json::Value::from(self.tenant), keys.join(","))
    }
}

/// What an answer warns of; a server of an earlier version warns of nothing.
#[derive(Deserialize)]
struct Warnings {
    #[serde(default)]
    warnings: Vec<ImportWarning>,
}

/// The message without the place of the key in its call.
fn of_one_key(message: &str) -> String {
    let rest = message.strip_prefix("keys[0]").map(|rest| rest.trim_start_matches([':', '.', ' ']));
    rest.unwrap_or(message).to_owned()
}

/// Whether it can be the keys that were rejected, and not the caller, the tenant or the moment.
fn is_about_keys(error: &GatekeeperError) -> bool {
    matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::Conflict)
        && !error.message().starts_with("tenantId")
}
