//! Output: responses go to standard output, everything else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use gatekeeper::internal::{visible, visible_json};
use serde_json::Value;

use super::failure::Failure;

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const OK: Style = AnsiColor::Green.on_default();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Prints a line of a response. Colors are removed if standard output is not a terminal.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints a response as one line of JSON.
pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    bytes(format!("{}\n", visible_json(&value.to_string())).as_bytes())
}

/// Prints a response as it is.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Prints a message to standard error, for people and programs. A failure to print it is ignored.
pub(crate) fn message(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "gatekeeper: {}", visible(text));
}

/// The output format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints a message to standard error, for people only.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            message(text);
        }
    }

    /// Prints an error to standard error.
    pub(crate) fn error(self, message: &str, json: &Value) {
        let mut err = anstream::stderr().lock();
        let _ = if self.json {
            writeln!(err, "{}", visible_json(&json.to_string()))
        } else {
            writeln!(err, "{ERROR}gatekeeper:{ERROR:#} {message}")
        };
    }

    /// Shows the progress of a long task on a terminal, over the previous progress line.
    pub(crate) fn progress(self, text: &str) {
        if self.shows_progress() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K{text}");
        }
    }

    /// Removes the progress line.
    pub(crate) fn end_progress(self) {
        self.progress("");
    }

    fn shows_progress(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }
}
