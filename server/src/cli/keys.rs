//! `gatekeeper keys`.

use clap::{Args, Subcommand, ValueEnum};
use gatekeeper::Tenants;
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::fields::{number, object, seconds, tenants};
use super::import::Import;
use super::request::{OperationRequest, TenantList};
use super::secret::SecretKind;

const KEY_FROM: &str =
    "The key is read from GATEKEEPER_KEY, from the terminal without echo, or from standard input.";
pub(super) const ONCE: &str = "store plainTextKey now: it is not saved and cannot be shown again";

/// Manage the API keys of a tenant.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Create a key and print its secret once.
    #[command(
        after_help = "Examples:\n  gatekeeper keys create --name server-key --scope read --scope write\n  gatekeeper keys create --role PRO --expires-in 30d --json | jq -r .plainTextKey"
    )]
    Create(Box<Create>),
    /// List the keys of the tenant.
    List(TenantList),
    /// Show a key, without its secret.
    Get(ById),
    /// Change the given fields of a key. Every process applies the change immediately.
    #[command(
        after_help = "Examples:\n  gatekeeper keys update key_… --role PRO\n  gatekeeper keys update key_… --status disabled\n  gatekeeper keys update key_… --clear expires-in"
    )]
    Update(Box<Update>),
    /// Verify a key for an endpoint of gatekeeper.toml, and count one request against its limit. Exits 1 if the key is
    /// invalid or over its limit.
    #[command(after_help = format!("{KEY_FROM}\n\nExamples:\n  gatekeeper keys verify --endpoint GET_TASKS\n  GATEKEEPER_KEY=… gatekeeper keys verify --endpoint GET_TASKS --variable task_1 --json"))]
    Verify(Verify),
    /// Show a key's record if the key is valid. Counts nothing.
    #[command(after_help = KEY_FROM)]
    Validate(NoArguments),
    /// Issue a token (a JWT) for a key, valid for 15 minutes.
    #[command(after_help = KEY_FROM)]
    Token(Token),
    /// Give a key a new secret. The old secret is revoked immediately, or after a grace period.
    #[command(after_help = "Examples:\n  gatekeeper keys rotate key_… --grace 1d")]
    Rotate(Rotate),
    /// Revoke a key permanently, in every process immediately. It stays in lists.
    #[command(
        after_help = "Examples:\n  gatekeeper keys revoke key_…\n  gatekeeper keys revoke key_… --descendants"
    )]
    Revoke(Revoke),
    /// Delete a key. Every process rejects it immediately. Keys that it created are revoked.
    Delete(ById),
    /// Add roles to a key. Prints how many were added.
    #[command(after_help = "Examples:\n  gatekeeper keys add-roles key_… PRO")]
    AddRoles(Roles),
    /// Remove roles from a key. Prints how many were removed.
    RemoveRoles(Roles),
    Import(Import),
}

#[derive(Args, Serialize)]
pub(crate) struct NoArguments {}

#[derive(Args, Serialize)]
pub(crate) struct ById {
    /// The id of the key, key_….
    id: String,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Create {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The name of the key.
    #[arg(long)]
    name: Option<String>,
    /// The prefix of the key [default: `gk_live`].
    #[arg(long)]
    prefix: Option<String>,
    /// The id of the key's owner in your application.
    #[arg(long, value_name = "ID")]
    owner_id: Option<String>,
    /// A scope of the key, such as read; can be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A role of the key, which selects its rate limit; can be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// The maximum usage in each quota period.
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quota_limit: Option<Value>,
    /// The quota period [default: month].
    #[arg(long, value_name = "PERIOD")]
    quota_period: Option<Period>,
    /// The lifetime of the key: seconds, or a duration such as 12h, 30d.
    #[arg(long = "expires-in", value_name = "TIME", value_parser = seconds)]
    expires_in_seconds: Option<u64>,
    /// Your own data, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Map<String, Value>>,
}

#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Period {
    Hour,
    Day,
    Month,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Update {
    /// The id of the key, key_….
    id: String,
    /// The new name.
    #[arg(long)]
    name: Option<String>,
    /// The new id of the key's owner in your application.
    #[arg(long, value_name = "ID")]
    owner_id: Option<String>,
    /// The new scopes; can be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The new roles, which select its rate limit; can be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// The new status. A disabled key is rejected until it is active again.
    #[arg(long)]
    status: Option<Status>,
    /// The new maximum usage in each quota period.
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quota_limit: Option<Value>,
    /// The new quota period.
    #[arg(long, value_name = "PERIOD")]
    quota_period: Option<Period>,
    /// The new lifetime, from now: seconds, or a duration such as 12h, 30d.
    #[arg(long = "expires-in", value_name = "TIME", value_parser = seconds)]
    expires_in_seconds: Option<u64>,
    /// Your own data, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Map<String, Value>>,
    /// A field to clear; can be repeated.
    #[arg(long, value_name = "FIELD")]
    #[serde(skip)]
    clear: Vec<Clear>,
}

#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Status {
    Active,
    Disabled,
}

#[derive(Clone, Copy, ValueEnum)]
enum Clear {
    Name,
    OwnerId,
    Scopes,
    Roles,
    QuotaLimit,
    ExpiresIn,
    Metadata,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verify {
    /// The name of the endpoint, as in [endpoints.NAME] of gatekeeper.toml.
    #[arg(long, value_name = "NAME")]
    endpoint: String,
    /// A variable that selects the window to count in, such as the id of a task; can be repeated.
    #[arg(long = "variable", value_name = "TEXT")]
    variables: Vec<String>,
    /// The number of permits to consume [default: 1].
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    cost: Option<Value>,
    /// A scope that the key must have; can be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The address of the client that sent the key, with or without a port.
    #[arg(long, value_name = "ADDRESS")]
    client_address: Option<String>,
    /// The tenants whose keys are accepted, separated by commas, or all [default: the tenant of --tenant; with a
    /// server, the tenants that it accepts].
    #[arg(long, value_name = "IDS", value_parser = tenants)]
    tenants: Option<Tenants>,
}

#[derive(Args, Serialize)]
pub(crate) struct Roles {
    /// The id of the key, key_….
    id: String,
    /// The roles.
    #[arg(required = true, value_name = "ROLE")]
    roles: Vec<String>,
}

#[derive(Args, Serialize)]
pub(crate) struct Token {
    /// The audience of the token.
    #[arg(long)]
    audience: Option<String>,
    /// A scope of the token, which the key must have; can be repeated [default: all scopes of the key].
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rotate {
    /// The id of the key, key_….
    id: String,
    /// How long the old secret stays valid: seconds, or a duration such as 12h, at most 30d [default: 0].
    #[arg(long = "grace", value_name = "TIME", value_parser = seconds)]
    grace_seconds: Option<u64>,
}

#[derive(Args, Serialize)]
pub(crate) struct Revoke {
    /// The id of the key, key_….
    id: String,
    /// Also revoke every key that it created, directly or through other keys.
    #[arg(long)]
    descendants: bool,
}

impl Keys {
    pub(crate) fn into_request(self) -> Result<Option<OperationRequest>, Failure> {
        Ok(Some(match self {
            Self::Create(create) => OperationRequest::new("keys.create", &create)?.with_note(ONCE),
            Self::List(list) => OperationRequest::new("keys.list", &list)?.with_columns(
                &list.paging,
                &["id", "name", "prefix", "status", "scopes", "roles", "expiresAt", "lastUsedAt"],
            ),
            Self::Get(one) => OperationRequest::new("keys.get", &one)?,
            Self::Update(update) => update.request()?,
            Self::Verify(verify) => OperationRequest::new("keys.verify", &verify)?
                .for_selected_tenant()
                .with_secret("key", SecretKind::Key)
                .rejected_if(|verdict| verdict["ok"] == false),
            Self::Validate(none) => {
                OperationRequest::new("keys.validate", &none)?.with_secret("key", SecretKind::Key)
            }
            Self::Token(token) => {
                OperationRequest::new("keys.token", &token)?.with_secret("key", SecretKind::Key)
            }
            Self::Rotate(rotate) => OperationRequest::new("keys.rotate", &rotate)?.with_note(ONCE),
            Self::Revoke(revoke) => OperationRequest::new("keys.revoke", &revoke)?,
            Self::Delete(one) => OperationRequest::new("keyManager.deleteKey", &one)?,
            Self::AddRoles(roles) => OperationRequest::new("keyManager.addRoles", &roles)?,
            Self::RemoveRoles(roles) => OperationRequest::new("keyManager.removeRoles", &roles)?,
            Self::Import(_) => return Ok(None),
        }))
    }
}

impl Update {
    fn request(&self) -> Result<OperationRequest, Failure> {
        let mut request = OperationRequest::new("keys.update", self)?;
        for what in &self.clear {
            let (field, nothing) = match what {
                Clear::Name => ("name", Value::Null),
                Clear::OwnerId => ("ownerId", Value::Null),
                Clear::Scopes => ("scopes", Value::Array(Vec::new())),
                Clear::Roles => ("roles", Value::Array(Vec::new())),
                Clear::QuotaLimit => ("quotaLimit", Value::Null),
                Clear::ExpiresIn => ("expiresInSeconds", Value::Null),
                Clear::Metadata => ("metadata", Value::Null),
            };
            if request.fields.insert(field.to_owned(), nothing).is_some() {
                return Err(Failure::Usage(format!("{field} is both set and cleared: leave one out")));
            }
        }
        Ok(request)
    }
}
