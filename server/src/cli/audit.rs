//! `gatekeeper audit`.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value};

use super::asked::{Asked, Paging};
use super::failure::Failure;
use super::fields::{moment, object};

/// What is shown of the events of a tenant.
const COLUMNS: &[&str] = &["id", "createdAt", "actorType", "actorId", "action", "target", "source"];
/// The same of the events of all tenants.
const COLUMNS_OF_ALL: &[&str] =
    &["id", "createdAt", "tenantId", "actorType", "actorId", "action", "target", "source"];

/// What was done in a tenant, and by whom.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Lists what was done, the newest first.
    #[command(
        after_help = "Examples:\n  gatekeeper audit query --action-prefix key. --since 2026-01-31T00:00:00Z --all"
    )]
    Query(Query),
    /// Prints events of the tenant as NDJSON or CSV, as they are read.
    #[command(
        after_help = "Examples:\n  gatekeeper audit export --format csv > audit.csv\n  gatekeeper audit export --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z"
    )]
    Export(Export),
    /// Writes an event of your own.
    Record(Record),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Query {
    #[arg(skip)]
    tenant_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    which: Which,
    #[command(flatten)]
    #[serde(flatten)]
    paging: Paging,
}

/// Which events.
#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    /// The events of all tenants, and those without one: for the operator.
    #[arg(long, conflicts_with = "tenant")]
    #[serde(skip)]
    all_tenants: bool,
    /// Only what this actor did.
    #[arg(long, value_name = "ID")]
    actor_id: Option<String>,
    /// Only actions that begin so, such as key.
    #[arg(long, value_name = "TEXT")]
    action_prefix: Option<String>,
    /// Only from this time on: Unix milliseconds, or 2026-01-31T00:00:00Z.
    #[arg(long = "since", value_name = "TIME", value_parser = moment, allow_negative_numbers = true)]
    start_timestamp: Option<i64>,
    /// Only before this time.
    #[arg(long = "until", value_name = "TIME", value_parser = moment, allow_negative_numbers = true)]
    end_timestamp: Option<i64>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Export {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// How it is written [default: ndjson].
    #[arg(long)]
    format: Option<Format>,
    #[command(flatten)]
    #[serde(flatten)]
    which: Which,
    /// The cursor after which to go on, of a query.
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
    /// What was done, such as invoice.paid.
    action: String,
    /// What it was done to.
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// Who did it, where that is not who calls.
    #[arg(long, value_name = "ID")]
    actor_id: Option<String>,
    /// What kind of actor that is.
    #[arg(long, value_name = "TEXT")]
    actor_type: Option<String>,
    /// What kind of thing it was done to.
    #[arg(long, value_name = "TEXT")]
    resource_type: Option<String>,
    /// The id of that thing.
    #[arg(long, value_name = "ID")]
    resource_id: Option<String>,
    /// Anything of yours, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Map<String, Value>>,
}

impl Audit {
    pub(crate) fn asked(self) -> Result<Asked, Failure> {
        match self {
            Self::Query(query) => {
                let asked = Asked::new("audit.query", &query)?;
                Ok(if query.which.all_tenants {
                    asked.of_all_tenants().listing(&query.paging, COLUMNS_OF_ALL)
                } else {
                    asked.listing(&query.paging, COLUMNS)
                })
            }
            Self::Export(export) => {
                let asked = Asked::new("audit.exportParts", &export)?.in_parts();
                Ok(if export.which.all_tenants { asked.of_all_tenants() } else { asked })
            }
            Self::Record(record) => Asked::new("audit.record", &record),
        }
    }
}
