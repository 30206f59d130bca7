use serde::{Deserialize, Serialize};

use crate::id::TenantId;
use crate::operation::field::Moment;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::whole::Range as _;

/// The selection of events for an export, and the format.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditExportInput {
    /// The tenant's id. The operator can omit it: then events of all tenants, and those outside any tenant, are
    /// exported.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// The format of the text. Defaults to `ndjson`.
    #[serde(default)]
    pub format: ExportFormat,
    /// Only events of this actor. Defaults to all actors.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub actor_id: Option<String>,
    /// Only actions with this prefix, such as `key.`. Defaults to all actions.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default)]
    pub action_prefix: Option<String>,
    /// Only events at or after this time, Unix milliseconds. Defaults to the beginning.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub start_timestamp: Option<i64>,
    /// Only events before this time, Unix milliseconds. Defaults to now.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Moment>))]
    #[serde(default, deserialize_with = "Moment::read")]
    pub end_timestamp: Option<i64>,
    /// The `nextCursor` of the part after which the export continues. Defaults to the newest event.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// The format of exported events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One JSON object per line.
    #[default]
    Ndjson,
    /// A header line, then one line per event (RFC 4180).
    Csv,
}

impl AuditExportInput {
    /// Exports every event of this tenant, or with none of all tenants, as NDJSON.
    #[must_use]
    pub fn new(tenant_id: impl Into<Option<TenantId>>) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            format: ExportFormat::default(),
            actor_id: None,
            action_prefix: None,
            start_timestamp: None,
            end_timestamp: None,
            cursor: None,
        }
    }
}
