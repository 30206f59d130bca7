//! `gatekeeper usage`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};

use super::asked::{Asked, Paging};
use super::failure::Failure;
use super::fields::{number, object};
use super::keys::Period;

/// What was used, and what may be.
#[derive(Subcommand)]
pub(crate) enum Usage {
    /// Records usage, whether there is room for it or not; what is acknowledged is on disk.
    #[command(
        after_help = "Examples:\n  gatekeeper usage record inference completion --quantity 3 --idempotency-key request-17"
    )]
    Record(Record),
    /// Records usage if the quotas have room for it, in one step; otherwise nothing is written.
    CheckAndRecord(Record),
    /// Tells whether there is room for so much now; exit code 1 where there is none.
    Check(Check),
    /// Adds up the present hour, day or month (UTC).
    Summary(Summary),
    /// Lists what was recorded, the newest first.
    Events(Events),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// What is used.
    service: String,
    /// What is done with it.
    action: String,
    /// How much [default: 1].
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quantity: Option<Value>,
    /// The key that it is used with, key_….
    #[arg(long, value_name = "ID")]
    api_key_id: Option<String>,
    /// Anything of yours, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Map<String, Value>>,
    /// What makes a repeated request known.
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// How much [default: 1].
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quantity: Option<Value>,
    /// The key that it would be used with, key_….
    #[arg(long, value_name = "ID")]
    api_key_id: Option<String>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The period [default: month].
    #[arg(long)]
    period: Option<Period>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Events {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// Only what was used with this key, key_….
    #[arg(long, value_name = "ID")]
    api_key_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    paging: Paging,
}

impl Usage {
    pub(crate) fn asked(self) -> Result<Asked, Failure> {
        match self {
            Self::Record(record) => Asked::new("usage.record", &record),
            Self::CheckAndRecord(record) => Asked::new("usage.checkAndRecord", &record),
            Self::Check(check) => {
                Ok(Asked::new("usage.check", &check)?.rejected_where(|quota| quota["allowed"] == false))
            }
            Self::Summary(summary) => Asked::new("usage.summary", &summary),
            Self::Events(events) => Ok(Asked::new("usage.events", &events)?.listing(
                &events.paging,
                &["id", "createdAt", "service", "action", "quantity", "apiKeyId", "metadata"],
            )),
        }
    }
}
