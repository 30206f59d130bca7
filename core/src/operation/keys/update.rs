use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::given::{Given, or_null};
use super::import::Suffixes;
use super::{ApiKey, changeable};
use crate::authz::{Access, Action, Context, Event, Reach, TenantRef};
use crate::error::Result;
use crate::id::KeyId;
use crate::key::{KeyStatus, check_scopes};
use crate::metering::Period;
use crate::operation::field::{Life, QuotaLimit, end_of_life, to_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};
use crate::role;
use crate::store::KeyRecord;
use crate::whole::Range as _;

/// Changes the given fields of a key; `null` clears an optional one. The caller must have all rights that the key
/// has before and after the change; an API key cannot change itself. The next verification uses the change, in
/// every process.
#[allow(clippy::option_option, reason = "the outer option says whether the field was given")]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateApiKey {
    /// The key's id.
    pub id: KeyId,
    /// The key's name: at most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
    /// The id of the key's owner in your application: at most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<Option<String>>,
    /// The key's scopes: at most 100 distinct scopes of 1 to 128 bytes without spaces.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The key's roles, which select its rate limits: at most 1,000 distinct names of 1 to 128 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// Whether the key is active or disabled.
    #[serde(default)]
    pub status: Option<NewStatus>,
    /// The key's quota in a period: 0 to 2⁵³ - 1; none for no limit.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<QuotaLimit>))]
    #[serde(default, deserialize_with = "QuotaLimit::read_or_null", skip_serializing_if = "Option::is_none")]
    pub quota_limit: Option<Option<i64>>,
    /// The period of the quota.
    #[serde(default)]
    pub quota_period: Option<Period>,
    /// The key's lifetime from now on in seconds, 1 second to 100 years; none for no expiry.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Life>))]
    #[serde(default, deserialize_with = "Life::read_or_null", skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<Option<u64>>,
    /// Your own metadata: an object of at most 8 KiB of JSON.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Option<Map<String, Value>>>,
}

/// A status that a key can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum NewStatus {
    /// The key is valid.
    Active,
    /// The key is rejected until it is active again. If an old secret was in its grace period, it is revoked for
    /// good.
    Disabled,
}

impl UpdateApiKey {
    /// An update of this key without any change yet.
    #[must_use]
    pub fn new(id: KeyId) -> Self {
        Self {
            id,
            name: None,
            owner_id: None,
            scopes: None,
            roles: None,
            status: None,
            quota_limit: None,
            quota_period: None,
            expires_in_seconds: None,
            metadata: None,
        }
    }

    /// Applies the given fields, which are valid, to `key`.
    fn apply(self, key: &mut KeyRecord, now: i64) {
        if let Some(name) = self.name {
            key.name = name;
        }
        if let Some(owner_id) = self.owner_id {
            key.owner_id = owner_id;
        }
        if let Some(scopes) = self.scopes {
            key.scopes = scopes;
        }
        if let Some(roles) = self.roles {
            key.roles = roles;
        }
        if let Some(status) = self.status {
            let status = match status {
                NewStatus::Active => KeyStatus::Active,
                NewStatus::Disabled => KeyStatus::Disabled,
            };
            status.as_stored().clone_into(&mut key.status);
        }
        if let Some(limit) = self.quota_limit {
            key.quota_limit = limit;
        }
        if let Some(period) = self.quota_period {
            period.as_str().clone_into(&mut key.quota_period);
        }
        if let Some(seconds) = self.expires_in_seconds {
            key.expires_at = seconds.map(|seconds| end_of_life(now, seconds));
        }
        if let Some(metadata) = self.metadata {
            key.metadata = metadata.as_ref().map(to_text);
        }
        key.updated_at = now;
    }
}

impl Operation for UpdateApiKey {
    type Checked = Self;
    type Output = ApiKey;
    const NAME: &'static str = "keys.update";
    const ROUTE: Route = Route::new(Method::Patch, "/v1/keys/{id}", 200);
    const ACCESS: Access = Access::Tenant("keys:write");
    const POSITIONAL: &'static [&'static str] = &["id"];

    fn tenant(&self) -> TenantRef {
        TenantRef::OfKey(self.id)
    }

    fn check(mut self) -> Result<Self> {
        let given = Given {
            name: self.name.as_ref().and_then(Option::as_deref),
            owner_id: self.owner_id.as_ref().and_then(Option::as_deref),
            metadata: self.metadata.as_ref().and_then(Option::as_ref),
            quota_limit: self.quota_limit.flatten(),
            expires_in_seconds: self.expires_in_seconds.flatten(),
        };
        given.check()?;
        self.scopes = self.scopes.map(check_scopes).transpose()?;
        self.roles = self.roles.map(role::normalize).transpose()?;
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<ApiKey> {
        context.write(|tx, context| {
            let now = context.now();
            let id = request.id;
            let ceiling = context.ceiling(tx)?;
            let mut key = changeable(context, tx, &ceiling, id)?;
            // A key whose expiry is moved into the future counts its suffix again.
            let had_ended = key.expires_at.is_some_and(|end| end <= now);
            let before = had_ended.then(|| Suffixes::of(context, tx, key.tenant_id)).transpose()?;
            request.apply(&mut key, now);
            ceiling.check(&Reach::of(&key)?)?;
            context.within_bounds(tx, key.tenant_id, |tx| tx.update_key(&key, now))?;
            before.map_or(Ok(()), |before| before.check_added(context, tx, key.tenant_id))?;
            context.audit(tx, Event::new(Action::KeyUpdated).about(&id))?;
            Ok(ApiKey::new(key, now)?)
        })
    }
}
