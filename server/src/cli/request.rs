//! The request of a command: an operation, its fields, and how to show the response.

use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::fields::number;
use super::secret::SecretKind;
use gatekeeper::GatekeeperError;

/// Fields that default to the selected tenant: a `null` in the request is replaced by it.
pub(crate) const TENANT_ID: &str = "tenantId";
pub(crate) const TENANTS: &str = "tenants";

/// A request for an operation, and how to show its response.
#[derive(Debug)]
pub(crate) struct OperationRequest {
    pub(crate) operation: &'static str,
    pub(crate) fields: Map<String, Value>,
    /// Fields that must not be arguments: read from the terminal or standard input when the request is executed.
    pub(crate) secrets: Vec<(&'static str, SecretKind)>,
    /// Whether to fetch every page of the list.
    pub(crate) all: bool,
    /// Whether the response is text in parts, each written as soon as it arrives.
    pub(crate) in_parts: bool,
    /// The columns that a list is shown with.
    pub(crate) columns: &'static [&'static str],
    /// The text to show if the response is empty.
    pub(crate) done: &'static str,
    /// A note to show after a response that contains a secret; empty for all others.
    pub(crate) note: &'static str,
    /// Tells whether a successful response is a rejection, which makes the exit code 1.
    pub(crate) rejected: Option<fn(&Value) -> bool>,
}

impl OperationRequest {
    /// A request whose fields are arguments of the same names.
    pub(crate) fn new(operation: &'static str, arguments: &impl Serialize) -> Result<Self, Failure> {
        let fields = match serde_json::to_value(arguments).map_err(GatekeeperError::internal)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        // A missing tenant stays in the request as null and is filled in later; other missing arguments are left out.
        let is_given = |(name, value): &(String, Value)| {
            name == TENANT_ID || !(value.is_null() || value.as_array().is_some_and(Vec::is_empty))
        };
        Ok(Self {
            operation,
            fields: fields.into_iter().filter(is_given).collect(),
            secrets: Vec::new(),
            all: false,
            in_parts: false,
            columns: &[],
            done: "done",
            note: "",
            rejected: None,
        })
    }

    /// Adds a field that is read as a secret.
    pub(crate) fn with_secret(mut self, field: &'static str, secret: SecretKind) -> Self {
        self.secrets.push((field, secret));
        self
    }

    /// Accepts only keys of the selected tenant, unless `--tenants` names others. For the operator.
    pub(crate) fn for_selected_tenant(mut self) -> Self {
        self.fields.entry(TENANTS).or_insert(Value::Null);
        self
    }

    /// Applies to all tenants: no tenant is filled in.
    pub(crate) fn for_all_tenants(mut self) -> Self {
        self.fields.remove(TENANT_ID);
        self
    }

    /// Marks the response as a list that is shown with these columns.
    pub(crate) fn with_columns(self, paging: &Paging, columns: &'static [&'static str]) -> Self {
        Self { all: paging.all, columns, ..self }
    }

    /// Marks the response as text in parts.
    pub(crate) fn in_parts(self) -> Self {
        Self { in_parts: true, ..self }
    }

    /// Sets the text to show if the response is empty.
    pub(crate) fn with_done(self, done: &'static str) -> Self {
        Self { done, ..self }
    }

    /// Sets the test for a response that is a rejection.
    pub(crate) fn rejected_if(self, rejected: fn(&Value) -> bool) -> Self {
        Self { rejected: Some(rejected), ..self }
    }

    /// Sets the note to show after a response that contains a secret.
    pub(crate) fn with_note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

/// The part of a list to show.
#[derive(clap::Args, Debug, Serialize)]
pub(crate) struct Paging {
    /// The maximum number of items: 1 to 100 [default: 50].
    #[arg(long, value_name = "N", conflicts_with = "all", value_parser = number, allow_negative_numbers = true)]
    limit: Option<Value>,
    /// The cursor printed at the end of the previous page.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Fetch every page. With --json, prints one item a line.
    #[arg(long)]
    #[serde(skip)]
    all: bool,
}

/// The arguments of a command that lists something of a tenant.
#[derive(clap::Args, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TenantList {
    #[arg(skip)]
    tenant_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) paging: Paging,
}
