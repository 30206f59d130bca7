//! Asks for secrets: without an echo where somebody is there to be asked, otherwise a line of the standard input each.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use gatekeeper::{GatekeeperError, Secret};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::secret::SecretOf;
use crate::config::{Environment, KEY};

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 64 * 1024;

pub(crate) fn secret(which: SecretOf, environment: &Environment) -> Result<Secret, Failure> {
    if which == SecretOf::Key
        && let Some(key) = environment.secret(KEY)?
    {
        return Ok(key);
    }
    if !io::stdin().is_terminal() {
        return line(which);
    }
    let secret = prompted(which.prompt())?;
    if which == SecretOf::NewPassword && prompted("The same again")?.expose() != secret.expose() {
        return Err(GatekeeperError::bad_request("the two passwords are not the same").into());
    }
    Ok(secret)
}

fn prompted(prompt: &str) -> Result<Secret, Failure> {
    let read = rpassword::prompt_password(format!("{prompt}: "));
    read.map(Secret::new).map_err(|error| unread(prompt, &error.to_string()))
}

fn line(which: SecretOf) -> Result<Secret, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().take(MAX_LINE).read_line(&mut line);
    match read {
        Ok(0) => {
            Err(unread(which.prompt(), "the standard input is empty: write it there, on a line of its own"))
        }
        Ok(_) => {
            let line = Zeroizing::new(line);
            Ok(Secret::of_setting(&line))
        }
        Err(error) => Err(unread(which.prompt(), &error.to_string())),
    }
}

fn unread(prompt: &str, why: &str) -> Failure {
    GatekeeperError::bad_request(format!("{} cannot be read: {why}", prompt.to_lowercase())).into()
}
