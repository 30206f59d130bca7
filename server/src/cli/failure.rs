//! Why a command ended without what it was asked for.

use std::error::Error as _;
use std::io;

use gatekeeper::{GatekeeperError, visible};
use serde_json::{Value, json};

use super::output::Output;

#[derive(Debug)]
pub(crate) enum Failure {
    /// Rejected, or not possible now.
    Rejected(GatekeeperError),
    /// Not what the command takes.
    Usage(String),
    /// Something was done or found, and said already; the exit code tells of it.
    Said,
    /// Nobody reads the answer any more.
    Closed,
    /// The answer cannot be written.
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
    /// The same where the answer holds a secret: what nobody has read is lost.
    pub(crate) fn of_secret(self) -> Self {
        match self {
            Self::Closed => Self::Output(io::ErrorKind::BrokenPipe.into()),
            other => other,
        }
    }

    /// Says it on the standard error; answers the exit code.
    pub(crate) fn report(&self, output: Output) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Said => 1,
            Self::Usage(message) => {
                output
                    .error(&visible(message), &json!({ "error": message, "code": "wrong_use", "status": 0 }));
                2
            }
            Self::Output(error) => {
                let message = format!("the answer cannot be written: {error}");
                output.error(&message, &json!({ "error": message, "code": "output", "status": 0 }));
                1
            }
            Self::Rejected(error) => {
                output.error(&told(error), &as_json(error));
                1
            }
        }
    }
}

/// The message, and what is behind it where that is all there is to go by.
fn told(error: &GatekeeperError) -> String {
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
