//! The reasons for which a command fails.

use std::error::Error as _;
use std::io;

use gatekeeper::{GatekeeperError, visible};
use serde_json::{Value, json};

use super::output::Output;

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

    /// Prints the failure to standard error and returns the exit code.
    pub(crate) fn report(&self, output: Output) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Reported => 1,
            Self::Usage(message) => {
                output
                    .error(&visible(message), &json!({ "error": message, "code": "wrong_use", "status": 0 }));
                2
            }
            Self::Output(error) => {
                let message = format!("the output cannot be written: {error}");
                output.error(&message, &json!({ "error": message, "code": "output", "status": 0 }));
                1
            }
            Self::Rejected(error) => {
                output.error(&with_cause(error), &as_json(error));
                1
            }
        }
    }
}

/// The message, with the cause of a server error.
fn with_cause(error: &GatekeeperError) -> String {
    let mut text = visible(error.message()).into_owned();
    if error.status() >= 500
        && let Some(cause) = error.source()
    {
        text.push_str("\n  cause: ");
        text.push_str(&visible(&cause.to_string()));
    }
    text
}

fn as_json(error: &GatekeeperError) -> Value {
    let mut json = json!({
        "error": error.message(),
        "code": error.code(),
        "status": error.status(),
        "details": error.details(),
    });
    if let (Some(seconds), Some(fields)) = (error.retry_after(), json.as_object_mut()) {
        fields.insert("retryAfter".to_owned(), seconds.into());
    }
    json
}
