//! `gatekeeper audit`.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::fields::{object, timestamp};
use super::request::{OperationRequest, Paging};

/// The columns of a tenant's events.
const COLUMNS: &[&str] = &["id", "createdAt", "actorType", "actorId", "action", "target", "source"];
/// The columns of the events of all tenants.
const COLUMNS_OF_ALL: &[&str] =
    &["id", "createdAt", "tenantId", "actorType", "actorId", "action", "target", "source"];

/// Query and export the audit log of a tenant, or record an event.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// List events, the newest first.
    #[command(
        after_help = "Examples:\n  gatekeeper audit query --action-prefix key. --since 2026-01-31T00:00:00Z --all"
    )]
    Query(Query),
    /// Export the tenant's events as NDJSON or CSV. Prints them while they are read.
    #[command(
        after_help = "Examples:\n  gatekeeper audit export --format csv > audit.csv\n  gatekeeper audit export --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z"
    )]
    Export(Export),
    /// Record an event of your application.
    Record(Record),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Query {
    #[arg(skip)]
    tenant_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    which: EventFilter,
    #[command(flatten)]
    #[serde(flatten)]
    paging: Paging,
}

/// The events to select.
#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventFilter {
    /// Select the events of all tenants and the events without a tenant. Operator only.
    #[arg(long, conflicts_with = "tenant")]
    #[serde(skip)]
    all_tenants: bool,
    /// Select only events by this actor.
    #[arg(long, value_name = "ID")]
    actor_id: Option<String>,
    /// Select only actions that begin with this text, such as key.
    #[arg(long, value_name = "TEXT")]
    action_prefix: Option<String>,
    /// Select only events at or after this time: Unix milliseconds, or 2026-01-31T00:00:00Z.
    #[arg(long = "since", value_name = "TIME", value_parser = timestamp, allow_negative_numbers = true)]
    start_timestamp: Option<i64>,
    /// Select only events before this time.
    #[arg(long = "until", value_name = "TIME", value_parser = timestamp, allow_negative_numbers = true)]
    end_timestamp: Option<i64>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Export {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The output format [default: ndjson].
    #[arg(long)]
    format: Option<Format>,
    #[command(flatten)]
    #[serde(flatten)]
    which: EventFilter,
    /// Continue after this cursor of an earlier query.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Ndjson,
    Csv,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The action, such as invoice.paid.
    action: String,
    /// What the action was applied to.
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// The id of the actor, if it is not the caller.
    #[arg(long, value_name = "ID")]
    actor_id: Option<String>,
    /// The type of the actor.
    #[arg(long, value_name = "TEXT")]
    actor_type: Option<String>,
    /// The type of the resource that the action was applied to.
    #[arg(long, value_name = "TEXT")]
    resource_type: Option<String>,
    /// The id of that resource.
    #[arg(long, value_name = "ID")]
    resource_id: Option<String>,
    /// Your own data, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Map<String, Value>>,
}

impl Audit {
    pub(crate) fn into_request(self) -> Result<OperationRequest, Failure> {
        match self {
            Self::Query(query) => {
                let request = OperationRequest::new("audit.query", &query)?;
                Ok(if query.which.all_tenants {
                    request.for_all_tenants().with_columns(&query.paging, COLUMNS_OF_ALL)
                } else {
                    request.with_columns(&query.paging, COLUMNS)
                })
            }
            Self::Export(export) => {
                let request = OperationRequest::new("audit.exportParts", &export)?.in_parts();
                Ok(if export.which.all_tenants { request.for_all_tenants() } else { request })
            }
            Self::Record(record) => OperationRequest::new("audit.record", &record),
        }
    }
}
