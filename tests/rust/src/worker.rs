//! Another process that runs commands.

use std::io::{BufRead, BufReader, Write, copy, sink};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{JoinHandle, spawn};

/// A process that runs the binary `console` on a database; it ends when this is dropped.
#[allow(clippy::missing_panics_doc, reason = "a test's helper: what fails, fails the test")]
pub struct Worker {
    /// The process.
    pub process: Child,
    /// The standard input, for commands.
    pub orders: ChildStdin,
    /// The standard output, with results; none while they are counted.
    pub answers: Option<BufReader<ChildStdout>>,
}

#[allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test's helper: what fails, fails the test"
)]
impl Worker {
    /// Starts `command`, the binary, on the database at `url`.
    #[must_use]
    pub fn start(command: &mut Command, url: &Path, endpoints: &str) -> Self {
        command.arg(url).arg(endpoints).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (orders, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, orders, answers: Some(BufReader::new(answers)) }
    }

    /// Writes a command and does not wait for its result.
    pub fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// Runs a command and returns its result.
    pub fn ask(&mut self, order: &str) -> String {
        self.order(order);
        let mut answer = String::new();
        self.answers.as_mut().unwrap().read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Counts what the process acknowledges from now until it is killed.
    pub fn count(&mut self) -> JoinHandle<u64> {
        let mut answers = self.answers.take().unwrap();
        spawn(move || copy(&mut answers, &mut sink()).unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
