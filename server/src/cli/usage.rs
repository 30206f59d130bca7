//! `gatekeeper usage`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::fields::{number, object};
use super::keys::Period;
use super::request::{OperationRequest, Paging};

/// Record usage and check quotas.
#[derive(Subcommand)]
pub(crate) enum Usage {
    /// Record usage, even over quota. Acknowledged usage is on disk.
    #[command(
        after_help = "Examples:\n  gatekeeper usage record inference completion --quantity 3 --idempotency-key request-17"
    )]
    Record(Record),
    /// Record usage if it is within the quotas, in one step. Otherwise nothing is written.
    CheckAndRecord(Record),
    /// Check whether a quantity is within the quotas now. Exits 1 if it is not.
    Check(Check),
    /// Show the usage of the current hour, day or month (UTC).
    Summary(Summary),
    /// List usage events, the newest first.
    Events(Events),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The service that is used.
    service: String,
    /// The action on the service.
    action: String,
    /// The quantity [default: 1].
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quantity: Option<Value>,
    /// The id of the key that was used, key_….
    #[arg(long, value_name = "ID")]
    api_key_id: Option<String>,
    /// Your own data, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Map<String, Value>>,
    /// A key that identifies the request, so that a retry is counted once.
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The quantity [default: 1].
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quantity: Option<Value>,
    /// The id of the key that would be used, key_….
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
    /// List only the usage of this key, key_….
    #[arg(long, value_name = "ID")]
    api_key_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    paging: Paging,
}

impl Usage {
    pub(crate) fn into_request(self) -> Result<OperationRequest, Failure> {
        match self {
            Self::Record(record) => OperationRequest::new("usage.record", &record),
            Self::CheckAndRecord(record) => OperationRequest::new("usage.checkAndRecord", &record),
            Self::Check(check) => {
                Ok(OperationRequest::new("usage.check", &check)?
                    .rejected_if(|quota| quota["allowed"] == false))
            }
            Self::Summary(summary) => OperationRequest::new("usage.summary", &summary),
            Self::Events(events) => Ok(OperationRequest::new("usage.events", &events)?.with_columns(
                &events.paging,
                &["id", "createdAt", "service", "action", "quantity", "apiKeyId", "metadata"],
            )),
        }
    }
}
