//! `gatekeeper platform`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::fields::quota;
use super::keys::Period;
use super::request::OperationRequest;

/// Manage the installation. Operator only.
#[derive(Subcommand)]
pub(crate) enum Platform {
    /// Set the maximum usage of the tenant in an hour, day or month (UTC).
    #[command(
        after_help = "Examples:\n  gatekeeper platform set-quota 100000 --period day --tenant tnt_…\n  gatekeeper platform set-quota none"
    )]
    SetQuota(SetQuota),
    /// Create a new signing key. It is published immediately and signs after 310 s. Tokens signed by the previous key
    /// stay valid until they expire.
    RotateSigningKey(Rotate),
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rotate {
    /// Sign with it immediately. For emergencies: verifiers reject its tokens until they fetch the JWK Set again.
    #[arg(long)]
    activate_now: bool,
}

#[derive(Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetQuota {
    #[arg(skip)]
    tenant_id: Option<String>,
    /// The maximum usage, or none for no quota.
    #[arg(value_parser = quota, allow_negative_numbers = true)]
    limit: Value,
    /// The quota period [default: month].
    #[arg(long)]
    period: Option<Period>,
}

impl Platform {
    pub(crate) fn into_request(self) -> Result<OperationRequest, Failure> {
        match self {
            Self::SetQuota(set) => {
                let mut request = OperationRequest::new("platform.setTenantQuota", &set)?;
                // The operation requires the field, so "no quota" is sent as null.
                request.fields.insert("limit".to_owned(), set.limit);
                Ok(request)
            }
            Self::RotateSigningKey(rotate) => OperationRequest::new("platform.rotateSigningKey", &rotate),
        }
    }
}
