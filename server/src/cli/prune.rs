//! `gatekeeper prune`.

use clap::Args;
use gatekeeper::GatekeeperError;
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::Session;

/// Delete expired rows, in short transactions, while the database is in use.
///
/// The retention is: wrong passwords one minute, failed logins one day, client addresses of an account 180 days after
/// the last login, sessions 30 days after their end, audit events of logins to unknown accounts 90 days, hourly usage
/// sums 40 days, daily sums 400 days, usage events usageRetentionDays. Rows of removed tenants are deleted too. A
/// server prunes once an hour; every program that writes to the database also prunes a little.
#[derive(Args)]
#[command(after_help = "Examples:\n  gatekeeper prune\n  gatekeeper prune --trust-clock --json")]
pub(crate) struct Prune {
    /// Trust the clock even if it has advanced much further since the last run than the machine has been up.
    #[arg(long)]
    trust_clock: bool,
}

pub(crate) fn run(prune: &Prune, session: &Session) -> Result<(), Failure> {
    if session.config.is_remote() {
        let message =
            "a server prunes its own database once an hour: run `gatekeeper prune` on the server's machine";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let done = session.existing_database()?.prune(prune.trust_clock)?;
    if session.output.json {
        return output::json(&json!({
            "rows": done.rows, "clamped": done.clamped, "heldBackMs": done.held_back_ms,
        }));
    }
    output::line(&format!("deleted rows: {}; corrected future times: {}", done.rows, done.clamped))?;
    if done.held_back_ms > 0 {
        let days = done.held_back_ms.div_ceil(24 * 60 * 60 * 1000);
        session.output.note(&format!(
            "the clock has advanced {days} days further than expected since the last run, so rows of these days are kept \
             for now: run this again, or add --trust-clock if the clock is right"
        ));
    }
    Ok(())
}
