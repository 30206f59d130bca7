//! The reasons for which a command fails.

use std::io;

use gatekeeper::GatekeeperError;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The operation was rejected, or is not possible now.
    Rejected(GatekeeperError),
    /// The arguments are wrong.
    Usage(String),
    /// The reason has been printed already; only the exit code remains.
    Reported,
    /// The reader closed the pipe.
    Closed,
    /// The output cannot be written.
    Output(io::Error),
}

impl From<GatekeeperError> for Failure {
    fn from(error: GatekeeperError) -> Self {
        Self::Rejected(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Output(error) }
    }
}

impl Failure {
    /// The failure of a command that shows a secret. A closed pipe is then an error, because the secret is lost.
    pub(crate) fn of_secret(self) -> Self {
        match self {
            Self::Closed => Self::Output(io::ErrorKind::BrokenPipe.into()),
            other => other,
        }
    }
}
