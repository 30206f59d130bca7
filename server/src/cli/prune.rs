//! `gatekeeper prune`.

use clap::Args;
use gatekeeper::GatekeeperError;
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::session::Session;

/// Deletes what the database keeps no longer, in short transactions, while it is in use.
///
/// Wrong passwords are kept for a minute, failed logins for a day, client addresses of an account for 180 days without a
/// login, sessions for 30 days after their end, audit events of logins to no account for 90 days, sums of usage by the hour
/// for 40 days and by the day for 400, usage events for usageRetentionDays; the rows of removed tenants go. A server does
/// this once an hour, and every program that writes does some of it.
#[derive(Args)]
#[command(after_help = "Examples:\n  gatekeeper prune\n  gatekeeper prune --trust-clock --json")]
pub(crate) struct Prune {
    /// Goes by the present time, also where the clock has moved much further than the machine has run since the last time.
    #[arg(long)]
    trust_clock: bool,
}

pub(crate) fn run(prune: &Prune, session: &Session) -> Result<(), Failure> {
    if session.config.is_remote() {
        let message = "a server prunes its own database, once an hour: run `gatekeeper prune` on its machine";
        return Err(GatekeeperError::bad_request(message).into());
    }
    let done = session.existing_database()?.prune(prune.trust_clock)?;
    if session.output.json {
        return output::json(&json!({
            "rows": done.rows, "clamped": done.clamped, "heldBackMs": done.held_back_ms,
        }));
    }
    output::line(&format!("deleted rows: {}; corrected times of the future: {}", done.rows, done.clamped))?;
    if done.held_back_ms > 0 {
        let days = done.held_back_ms.div_ceil(24 * 60 * 60 * 1000);
        session.output.note(&format!(
            "the clock has moved {days} days further than expected since the last time, so that rows of these days are \
             kept for now: run this again, or with --trust-clock where the clock is right"
        ));
    }
    Ok(())
}
