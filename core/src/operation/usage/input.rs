use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::canonical::canonical;
use super::{OF_OTHER_KEYS, key_of, one};
use crate::authz::{Context, Principal};
use crate::error::{GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::metering::{Asked, Idempotency, Recorded, Usage};
use crate::operation::field::{MAX_USAGE_NAME, Quantity, check_metadata, check_name, to_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::secret::Digest;
use crate::whole::Range as _;

/// Usage to record or to check.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsageInput {
    /// The tenant whose usage it is.
    pub tenant_id: TenantId,
    /// The service that is used: 1 to 128 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::word))]
    pub service: String,
    /// The action that is performed with the service: 1 to 128 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::word))]
    pub action: String,
    /// The quantity: 1 to 1,000,000,000. Defaults to 1.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Quantity>))]
    #[serde(default = "one", deserialize_with = "Quantity::read")]
    pub quantity: i64,
    /// The API key of the tenant that is used. Defaults to none; if an API key calls, to itself. It can name
    /// another key only with the scope `keys:read`.
    #[serde(default)]
    pub api_key_id: Option<KeyId>,
    /// Your own metadata: an object of at most 8 KiB of JSON. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// The idempotency key, unique in the tenant: 1 to 256 bytes. A repeated request with the same key is recorded
    /// once; a different request with the same key is rejected. Defaults to none.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::name))]
    #[serde(default)]
    pub idempotency_key: Option<String>,
}

impl UsageInput {
    /// Usage of this service and action, with a quantity of 1 and no optional fields.
    pub fn new(tenant_id: TenantId, service: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            tenant_id,
            service: service.into(),
            action: action.into(),
            quantity: one(),
            api_key_id: None,
            metadata: None,
            idempotency_key: None,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        for (field, name) in [("service", &self.service), ("action", &self.action)] {
            if name.is_empty() || name.len() > MAX_USAGE_NAME || name.contains('\0') {
                return Err(GatekeeperError::bad_request(format!(
                    "{field} must be 1 to {MAX_USAGE_NAME} bytes without U+0000"
                )));
            }
        }
        Quantity::check("quantity", Some(self.quantity))?;
        check_metadata(self.metadata.as_ref())?;
        self.idempotency_key.as_deref().map_or(Ok(()), |key| check_name("idempotencyKey", key))
    }

    /// Records the usage. It is on disk when this returns.
    pub(super) fn record(self, context: &Context<'_>, asked: Asked) -> Result<Recorded> {
        let key = key_of(context, self.api_key_id)?;
        let grant = match context.principal() {
            Principal::ApiKey { id, .. } if key != Some(*id) => context.grant().and(OF_OTHER_KEYS),
            _ => context.grant(),
        };
        let request = self.idempotency_key.is_some().then(|| self.digest(key));
        let idempotency =
            self.idempotency_key.zip(request).map(|(key, request)| Idempotency { key, request });
        let usage = Usage {
            tenant: self.tenant_id,
            key,
            service: self.service,
            action: self.action,
            quantity: self.quantity,
            metadata: self.metadata.as_ref().map(to_text),
            idempotency,
            asked,
            recheck: Box::new(grant.into_check()),
        };
        context.count_event(usage.tenant)?;
        context.record(usage)
    }

    /// The digest that identifies this request, without its tenant and idempotency key.
    fn digest(&self, key: Option<KeyId>) -> [u8; 32] {
        let request = json!({
            "apiKeyId": key,
            "service": self.service,
            "action": self.action,
            "quantity": self.quantity,
            "metadata": self.metadata,
        });
        *Digest::of(canonical(&request).as_bytes()).as_bytes()
    }
}
