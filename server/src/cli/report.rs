//! Reports the failure of a command.

use std::error::Error as _;

use gatekeeper::GatekeeperError;
use gatekeeper::internal::visible;
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::Output;

/// Prints the failure to standard error and returns the exit code.
pub(crate) fn report(failure: &Failure, output: Output) -> u8 {
    match failure {
        Failure::Closed => 0,
        Failure::Reported => 1,
        Failure::Usage(message) => {
            output.error(&visible(message), &json!({ "error": message, "code": "wrong_use", "status": 0 }));
            2
        }
        Failure::Output(error) => {
            let message = format!("the output cannot be written: {error}");
            output.error(&message, &json!({ "error": message, "code": "output", "status": 0 }));
            1
        }
        Failure::Rejected(error) => {
            output.error(&with_cause(error), &as_json(error));
            1
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
