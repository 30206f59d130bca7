//! Reads secrets: from the terminal without echo, otherwise one line of standard input for each.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use gatekeeper::{GatekeeperError, Secret};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::secret::SecretKind;
use crate::config::{Environment, KEY};

/// The maximum length of a line of standard input, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Reads a secret: the key from `GATEKEEPER_KEY` if that is set, otherwise from the terminal or standard input.
pub(crate) fn secret(which: SecretKind, environment: &Environment) -> Result<Secret, Failure> {
    if which == SecretKind::Key
        && let Some(key) = environment.secret(KEY)?
    {
        return Ok(key);
    }
    if !io::stdin().is_terminal() {
        return read_line(which);
    }
    let secret = read_from_terminal(which.prompt())?;
    if which == SecretKind::NewPassword
        && read_from_terminal("Repeat the new password")?.expose() != secret.expose()
    {
        return Err(GatekeeperError::bad_request("the two passwords differ").into());
    }
    Ok(secret)
}

fn read_from_terminal(prompt: &str) -> Result<Secret, Failure> {
    let read = rpassword::prompt_password(format!("{prompt}: "));
    read.map(Secret::new).map_err(|error| unreadable(prompt, &error.to_string()))
}

fn read_line(which: SecretKind) -> Result<Secret, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().take(MAX_LINE).read_line(&mut line);
    match read {
        Ok(0) => {
            Err(unreadable(which.prompt(), "standard input is empty: write the secret to it, as one line"))
        }
        Ok(_) => {
            let line = Zeroizing::new(line);
            Ok(Secret::of_setting(&line))
        }
        Err(error) => Err(unreadable(which.prompt(), &error.to_string())),
    }
}

fn unreadable(prompt: &str, why: &str) -> Failure {
    GatekeeperError::bad_request(format!("{} cannot be read: {why}", prompt.to_lowercase())).into()
}
