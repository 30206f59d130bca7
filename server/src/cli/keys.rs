//! `gatekeeper keys`.

use clap::{Args, Subcommand, ValueEnum};
use gatekeeper::Tenants;
use serde::Serialize;
use serde_json::{Map, Value};

use super::asked::{Asked, ListOfTenant};
use super::failure::Failure;
use super::fields::{number, object, seconds, tenants};
use super::import::Import;
use super::secret::SecretOf;

const KEY_FROM: &str =
    "The key comes from GATEKEEPER_KEY, or from the standard input: it is asked for on a terminal.";
pub(super) const ONCE: &str = "keep plainTextKey now: it is not stored, and cannot be shown again";

/// API keys of a tenant.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Creates a key and shows its secret, once.
    #[command(
        after_help = "Examples:\n  gatekeeper keys create --name server-key --scope read --scope write\n  gatekeeper keys create --role PRO --expires-in 30d --json | jq -r .plainTextKey"
    )]
    Create(Box<Create>),
    /// Lists the keys of the tenant.
    List(ListOfTenant),
    /// Shows a key, without its secret.
    Get(One),
    /// Changes what is given of a key; every process knows at once.
    #[command(
        after_help = "Examples:\n  gatekeeper keys update key_… --role PRO\n  gatekeeper keys update key_… --status disabled\n  gatekeeper keys update key_… --clear expires-in"
    )]
    Update(Box<Update>),
    /// Judges a key at an endpoint of gatekeeper.toml, and takes a permit of its limit; exit code 1 where it is rejected.
    #[command(after_help = format!("{KEY_FROM}\n\nExamples:\n  gatekeeper keys verify --endpoint GET_TASKS\n  GATEKEEPER_KEY=… gatekeeper keys verify --endpoint GET_TASKS --variable task_1 --json"))]
    Verify(Verify),
    /// Tells whose a key is, if it is good; takes nothing from any limit.
    #[command(after_help = KEY_FROM)]
    Validate(NoField),
    /// Makes a token (a JWT) that stands for a key for 15 minutes.
    #[command(after_help = KEY_FROM)]
    Token(Token),
    /// Gives a key another secret; the old one is dead at once, or after a time of grace.
    #[command(after_help = "Examples:\n  gatekeeper keys rotate key_… --grace 1d")]
    Rotate(Rotate),
    /// Ends a key for ever, in every process at once; it stays listed.
    #[command(
        after_help = "Examples:\n  gatekeeper keys revoke key_…\n  gatekeeper keys revoke key_… --descendants"
    )]
    Revoke(Revoke),
    /// Deletes a key: it is rejected in every process at once, and listed no more. Keys that it created are revoked.
    Delete(One),
    /// Gives a key further roles; tells how many are new.
    #[command(after_help = "Examples:\n  gatekeeper keys add-roles key_… PRO")]
    AddRoles(Roles),
    /// Takes roles from a key; tells how many it had.
    RemoveRoles(Roles),
    Import(Import),
}

#[derive(Args, Serialize)]
pub(crate) struct NoField {}

#[derive(Args, Serialize)]
pub(crate) struct One {
    /// The key's id, key_….
    id: String,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Create {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// What it is called.
    #[arg(long)]
    name: Option<String>,
    /// What it begins with [default: `gk_live`].
    #[arg(long)]
    prefix: Option<String>,
    /// Whose it is in your application.
    #[arg(long, value_name = "ID")]
    owner_id: Option<String>,
    /// What it may do, such as read; can be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// What chooses its rate limits; can be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// How much it may use in a period.
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quota_limit: Option<Value>,
    /// The period of its quota [default: month].
    #[arg(long, value_name = "PERIOD")]
    quota_period: Option<Period>,
    /// How long it is good: seconds, or 12h, 30d.
    #[arg(long = "expires-in", value_name = "TIME", value_parser = seconds)]
    expires_in_seconds: Option<u64>,
    /// Anything of yours, as a JSON object.
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
    /// The key's id, key_….
    id: String,
    /// What it is called.
    #[arg(long)]
    name: Option<String>,
    /// Whose it is in your application.
    #[arg(long, value_name = "ID")]
    owner_id: Option<String>,
    /// What it may do from now on; can be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// What chooses its rate limits from now on; can be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Whether it is good.
    #[arg(long)]
    status: Option<Status>,
    /// How much it may use in a period.
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    quota_limit: Option<Value>,
    /// The period of its quota.
    #[arg(long, value_name = "PERIOD")]
    quota_period: Option<Period>,
    /// How long it is good from now on: seconds, or 12h, 30d.
    #[arg(long = "expires-in", value_name = "TIME", value_parser = seconds)]
    expires_in_seconds: Option<u64>,
    /// Anything of yours, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Map<String, Value>>,
    /// What it has no more; can be repeated.
    #[arg(long, value_name = "WHAT")]
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
pub(crate) struct Verify {
    /// The endpoint's name, as in [endpoints.NAME] of gatekeeper.toml.
    #[arg(long, value_name = "NAME")]
    endpoint: String,
    /// What else the limit is counted by; can be repeated.
    #[arg(long = "variable", value_name = "TEXT")]
    variables: Vec<String>,
    /// How many permits it takes [default: 1].
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    cost: Option<Value>,
    /// What the key must be good for; can be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The tenants whose keys are accepted, separated by commas, or all [default: the one of --tenant; over HTTP what
    /// the server says].
    #[arg(long, value_name = "IDS", value_parser = tenants)]
    tenants: Option<Tenants>,
}

#[derive(Args, Serialize)]
pub(crate) struct Roles {
    /// The key's id, key_….
    id: String,
    /// The roles.
    #[arg(required = true, value_name = "ROLE")]
    roles: Vec<String>,
}

#[derive(Args, Serialize)]
pub(crate) struct Token {
    /// Whom the token is for.
    #[arg(long)]
    audience: Option<String>,
    /// What it is good for, nothing that the key is not; can be repeated [default: all that the key is].
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rotate {
    /// The key's id, key_….
    id: String,
    /// How long the old secret is good: seconds, or 12h, 30d at most [default: 0].
    #[arg(long = "grace", value_name = "TIME", value_parser = seconds)]
    grace_seconds: Option<u64>,
}

#[derive(Args, Serialize)]
pub(crate) struct Revoke {
    /// The key's id, key_….
    id: String,
    /// Also every key that it created, directly or through others.
    #[arg(long)]
    descendants: bool,
}

impl Keys {
    pub(crate) fn asked(self) -> Result<Option<Asked>, Failure> {
        Ok(Some(match self {
            Self::Create(create) => Asked::new("keys.create", &create)?.noting(ONCE),
            Self::List(list) => Asked::new("keys.list", &list)?.listing(
                &list.paging,
                &["id", "name", "prefix", "status", "scopes", "roles", "expiresAt", "lastUsedAt"],
            ),
            Self::Get(one) => Asked::new("keys.get", &one)?,
            Self::Update(update) => update.asked()?,
            Self::Verify(verify) => Asked::new("keys.verify", &verify)?
                .of_own_tenant()
                .with_secret("key", SecretOf::Key)
                .rejected_where(|verdict| verdict["ok"] == false),
            Self::Validate(none) => Asked::new("keys.validate", &none)?.with_secret("key", SecretOf::Key),
            Self::Token(token) => Asked::new("keys.token", &token)?.with_secret("key", SecretOf::Key),
            Self::Rotate(rotate) => Asked::new("keys.rotate", &rotate)?.noting(ONCE),
            Self::Revoke(revoke) => Asked::new("keys.revoke", &revoke)?,
            Self::Delete(one) => Asked::new("keyManager.deleteKey", &one)?,
            Self::AddRoles(roles) => Asked::new("keyManager.addRoles", &roles)?,
            Self::RemoveRoles(roles) => Asked::new("keyManager.removeRoles", &roles)?,
            Self::Import(_) => return Ok(None),
        }))
    }
}

impl Update {
    fn asked(&self) -> Result<Asked, Failure> {
        let mut asked = Asked::new("keys.update", self)?;
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
            if asked.fields.insert(field.to_owned(), nothing).is_some() {
                return Err(Failure::Usage(format!("{field} is given and cleared: decide for one")));
            }
        }
        Ok(asked)
    }
}
