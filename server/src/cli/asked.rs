//! What a command asks for: an operation by its name, with its fields.

use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::fields::number;
use super::secret::SecretOf;
use gatekeeper::GatekeeperError;

/// The fields that are filled with the selected tenant where they are null.
pub(crate) const TENANT_ID: &str = "tenantId";
pub(crate) const TENANTS: &str = "tenants";

#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) operation: &'static str,
    pub(crate) fields: Map<String, Value>,
    /// Fields that are no arguments: asked for when the operation runs.
    pub(crate) secrets: Vec<(&'static str, SecretOf)>,
    /// Whether every page of the list is asked for.
    pub(crate) all: bool,
    /// Whether the answer is text in parts, written as it comes.
    pub(crate) in_parts: bool,
    /// What is shown of each item of a list.
    pub(crate) columns: &'static [&'static str],
    /// What is said where the answer is empty.
    pub(crate) done: &'static str,
    /// What is said where the answer holds a secret, and only there.
    pub(crate) note: &'static str,
    /// Whether an answer rejects what was asked about, which is told by the exit code, too.
    pub(crate) rejected: Option<fn(&Value) -> bool>,
}

impl Asked {
    /// An operation whose fields are arguments of the same names.
    pub(crate) fn new(operation: &'static str, arguments: &impl Serialize) -> Result<Self, Failure> {
        let fields = match serde_json::to_value(arguments).map_err(GatekeeperError::internal)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        // A tenant that is not given is found when the operation runs; all else that is not given is left out.
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

    pub(crate) fn with_secret(mut self, field: &'static str, secret: SecretOf) -> Self {
        self.secrets.push((field, secret));
        self
    }

    /// Where no tenants are given, the operator accepts the keys of the selected one.
    pub(crate) fn of_own_tenant(mut self) -> Self {
        self.fields.entry(TENANTS).or_insert(Value::Null);
        self
    }

    /// Of no tenant in particular: none is filled in.
    pub(crate) fn of_all_tenants(mut self) -> Self {
        self.fields.remove(TENANT_ID);
        self
    }

    /// A list, of which these columns are shown.
    pub(crate) fn listing(self, paging: &Paging, columns: &'static [&'static str]) -> Self {
        Self { all: paging.all, columns, ..self }
    }

    /// A text, part by part.
    pub(crate) fn in_parts(self) -> Self {
        Self { in_parts: true, ..self }
    }

    pub(crate) fn saying(self, done: &'static str) -> Self {
        Self { done, ..self }
    }

    /// A question whose answer can be a rejection.
    pub(crate) fn rejected_where(self, rejected: fn(&Value) -> bool) -> Self {
        Self { rejected: Some(rejected), ..self }
    }

    pub(crate) fn noting(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

/// How much of a list.
#[derive(clap::Args, Debug, Serialize)]
pub(crate) struct Paging {
    /// How many at most: 1 to 100 [default: 50].
    #[arg(long, value_name = "N", conflicts_with = "all", value_parser = number, allow_negative_numbers = true)]
    limit: Option<Value>,
    /// The cursor that the page before ended with.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Every page; in JSON, an item a line.
    #[arg(long)]
    #[serde(skip)]
    all: bool,
}

/// A list of what a tenant has.
#[derive(clap::Args, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListOfTenant {
    #[arg(skip)]
    tenant_id: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) paging: Paging,
}
