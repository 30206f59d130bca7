//! Helpers that run `gatekeeper` in a temporary folder.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The `gatekeeper` command, without `GATEKEEPER_*` variables of the user who runs the tests.
pub(crate) fn gatekeeper(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatekeeper"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GATEKEEPER_"))
    {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// A temporary folder to run `gatekeeper` in.
pub(crate) struct Folder(TempDir);

/// The output and exit code of a command.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder in which `gatekeeper init` was run.
    pub(crate) fn with_gatekeeper() -> Self {
        let folder = Self::new();
        folder.run(["init"]).success();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), text).unwrap();
    }

    pub(crate) fn command(&self) -> Command {
        gatekeeper(self.path())
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> CommandOutput {
        output_of(self.command().args(arguments))
    }

    /// Runs a command with `input` as its standard input.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(
        &self,
        input: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> CommandOutput {
        output_with_input(self.command().args(arguments), input)
    }

    /// The response of a command in JSON, which must succeed.
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        let arguments: Vec<A> = arguments.into_iter().collect();
        output_of(self.command().args(&arguments).arg("--json")).success().json()
    }

    /// The id and the secret of a new key.
    pub(crate) fn key(&self) -> (String, String) {
        let created = self.json(["keys", "create"]);
        (text(&created["apiKey"]["id"]), text(&created["plainTextKey"]))
    }
}

impl CommandOutput {
    /// Asserts that the command succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Asserts that the command was rejected.
    #[track_caller]
    pub(crate) fn rejected(self) -> Self {
        assert_eq!(self.code, 1, "{self:?}");
        self
    }

    /// Asserts that the command rejected its arguments and printed nothing to standard output.
    #[track_caller]
    pub(crate) fn usage_error(self) -> Self {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error in JSON, from standard error.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        serde_json::from_str(self.err.trim()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a command.
pub(crate) fn output_of(command: &mut Command) -> CommandOutput {
    let output = command.output().unwrap();
    CommandOutput {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a command with `input` as its standard input.
pub(crate) fn output_with_input(command: &mut Command, input: &str) -> CommandOutput {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that is rejected may stop reading, so a broken pipe is ignored.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    CommandOutput {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
