//! A folder in which `gatekeeper` is run.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The binary, without any setting of whoever runs the tests.
pub(crate) fn gatekeeper(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatekeeper"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GATEKEEPER_"))
    {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

pub(crate) struct Folder(TempDir);

/// What a command said and answered.
#[derive(Debug)]
pub(crate) struct Said {
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
        folder.run(["init"]).done();
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

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Said {
        said(self.command().args(arguments))
    }

    /// Runs a command that is told `input`.
    pub(crate) fn tell<A: AsRef<OsStr>>(&self, input: &str, arguments: impl IntoIterator<Item = A>) -> Said {
        told(self.command().args(arguments), input)
    }

    /// The answer of a command, in JSON.
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        let arguments: Vec<A> = arguments.into_iter().collect();
        said(self.command().args(&arguments).arg("--json")).done().json()
    }

    /// A new key: its id and its secret.
    pub(crate) fn key(&self) -> (String, String) {
        let created = self.json(["keys", "create"]);
        (text(&created["apiKey"]["id"]), text(&created["plainTextKey"]))
    }
}

impl Said {
    /// What was said by a command that was done.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// What was said by a command that was rejected.
    #[track_caller]
    pub(crate) fn rejected(self) -> Self {
        assert_eq!(self.code, 1, "{self:?}");
        self
    }

    /// What was said by a command that was used wrongly.
    #[track_caller]
    pub(crate) fn misused(self) -> Self {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error that was told to a program.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        serde_json::from_str(self.err.trim()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn told(command: &mut Command, input: &str) -> Said {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // One that was rejected does not read on.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
