//! `gatekeeper keys import`.

mod batch;
mod lines;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gatekeeper::GatekeeperError;
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::{Session, descriptor};
use crate::config::TENANT;
use batch::Importer;
use lines::Lines;

/// Import keys of another product into the tenant by their digests, so that their owners can keep using them.
///
/// Each line describes one key: {"digest": "…"} with the SHA-256 of the key in hex or base64, and optionally suffix,
/// prefix, name, ownerId, scopes, roles, quotaLimit, quotaPeriod, expiresInSeconds and metadata. In CSV these are the
/// columns; scopes and roles are separated by |, metadata is JSON. A line that is rejected is reported and the others
/// are imported. An import can be repeated: lines that were imported before are rejected again.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  gatekeeper keys import keys.ndjson\n  gatekeeper keys import keys.csv --stop-on-error\n  psql -Atc \"select json_build_object('digest', hash) from keys\" | gatekeeper keys import -"
)]
pub(crate) struct Import {
    /// The file to import, or - for standard input.
    file: PathBuf,
    /// The input format [default: csv if the file name ends in .csv, otherwise ndjson].
    #[arg(long)]
    format: Option<Format>,
    /// Stop at the first line that is rejected. Lines before it stay imported.
    #[arg(long)]
    stop_on_error: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Ndjson,
    Csv,
}

pub(crate) fn run(import: &Import, session: &Session) -> Result<(), Failure> {
    let descriptor = descriptor("keys.import")?;
    let gatekeeper = session.client_for(&session.existing_database()?, descriptor)?;
    let call = |request: &str| session.call_with(&gatekeeper, descriptor, request);
    let tenant = session.config.text(&TENANT).unwrap_or_default();
    let mut importer = Importer::new(&call, session.output, tenant, import.stop_on_error);
    let lines = Lines::of(import.open()?, import.format());
    let ended = importer.import_all(lines);
    session.output.end_progress();
    let done = importer.summary;
    if session.output.json {
        output::json(&json!({
            "imported": done.imported, "rejected": done.rejected, "errors": done.errors, "warnings": done.warnings,
        }))?;
    } else {
        output::line(&format!("{} imported, {} rejected", done.imported, done.rejected))?;
    }
    ended?;
    if done.rejected == 0 { Ok(()) } else { Err(Failure::Reported) }
}

impl Import {
    fn open(&self) -> Result<Box<dyn Read>, Failure> {
        if self.file.as_os_str() == "-" {
            return Ok(Box::new(io::stdin().lock()));
        }
        let file = File::open(&self.file).map_err(|error| {
            GatekeeperError::bad_request(format!("{} cannot be read: {error}", self.file.display()))
        })?;
        Ok(Box::new(BufReader::new(file)))
    }

    fn format(&self) -> Format {
        let is_csv = || self.file.extension().is_some_and(|name| name.eq_ignore_ascii_case("csv"));
        self.format.unwrap_or(if is_csv() { Format::Csv } else { Format::Ndjson })
    }
}
