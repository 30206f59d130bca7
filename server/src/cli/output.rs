//! Where answers and notes go: answers to the standard output, all else to the standard error.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use gatekeeper::{visible, visible_json};
use serde_json::Value;

use super::failure::Failure;

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// A line of an answer. Colours are left out where nobody would see them.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// An answer in JSON, on a line of its own.
pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    bytes(format!("{}\n", visible_json(&value.to_string())).as_bytes())
}

/// An answer as it is.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// What people and programs should know beside the answer. Where nobody reads it, nothing is lost.
pub(crate) fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "gatekeeper: {}", visible(text));
}

/// How answers are given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// What people should know beside the answer.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            say(text);
        }
    }

    pub(crate) fn error(self, message: &str, json: &Value) {
        let mut err = anstream::stderr().lock();
        let _ = if self.json {
            writeln!(err, "{}", visible_json(&json.to_string()))
        } else {
            writeln!(err, "{BAD}gatekeeper:{BAD:#} {message}")
        };
    }

    /// How far a long task is, for somebody who watches; said over the last such line.
    pub(crate) fn progress(self, text: &str) {
        if self.shows_progress() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K{text}");
        }
    }

    /// Removes the line that told how far it was.
    pub(crate) fn end_progress(self) {
        self.progress("");
    }

    fn shows_progress(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }
}
