//! `gatekeeper platform`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::asked::Asked;
use super::failure::Failure;
use super::fields::quota;
use super::keys::Period;

/// What whoever runs the place decides.
#[derive(Subcommand)]
pub(crate) enum Platform {
    /// Says how much the tenant may use in an hour, a day or a month (UTC).
    #[command(
        after_help = "Examples:\n  gatekeeper platform set-quota 100000 --period day --tenant tnt_…\n  gatekeeper platform set-quota none"
    )]
    SetQuota(SetQuota),
    /// Makes a new signing key. It is published at once and signs after 310 s; tokens that the one before has signed stay
    /// valid until they end.
    RotateSigningKey(Rotate),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rotate {
    /// Sign with it at once: for emergencies, since verifiers reject its tokens until they read the JWK Set again.
    #[arg(long)]
    activate_now: bool,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetQuota {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// How much, or none for any amount.
    #[arg(value_parser = quota, allow_negative_numbers = true)]
    limit: Value,
    /// In which period [default: month].
    #[arg(long)]
    period: Option<Period>,
}

impl Platform {
    pub(crate) fn asked(self) -> Result<Asked, Failure> {
        match self {
            Self::SetQuota(set) => {
                let mut asked = Asked::new("platform.setTenantQuota", &set)?;
                // No limit has to be said, too.
                asked.fields.insert("limit".to_owned(), set.limit);
                Ok(asked)
            }
            Self::RotateSigningKey(rotate) => Asked::new("platform.rotateSigningKey", &rotate),
        }
    }
}
