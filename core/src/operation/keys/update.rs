use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::given::{Given, or_null};
use super::import::Suffixes;
use super::{ApiKey, changeable};
use crate::authz::{Access, Action, Context, Event, Reach, TenantRef, check_scopes};
use crate::error::Result;
use crate::id::KeyId;
use crate::key::KeyStatus;
use crate::metering::Period;
use crate::operation::field::{Life, QuotaLimit, end_of_life, to_text};
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Route};
use crate::role;
use crate::store::KeyRecord;
use crate::whole::Range as _;

/// Changes what is given of a key; `null` clears what can be absent. The caller could give the key all that it has and all
/// that it gets; an API key cannot change itself. The next verification knows of it, in every process.
#[allow(clippy::option_option, reason = "the outer one says whether it was given")]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateApiKey {
    /// Its id.
    pub id: KeyId,
    /// What it is called: at most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
    /// Whose it is in your application: at most 256 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::text))]
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<Option<String>>,
    /// What it may do: at most 100 different ones of 1 to 128 bytes without spaces.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::scopes))]
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// What chooses its rate limits: at most 1,000 different names of 1 to 128 bytes.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::roles))]
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// Whether it is good.
    #[serde(default)]
    pub status: Option<NewStatus>,
    /// How much it may use in a period: 0 to 2⁵³ - 1; none for anything.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<QuotaLimit>))]
    #[serde(default, deserialize_with = "QuotaLimit::read_or_null", skip_serializing_if = "Option::is_none")]
    pub quota_limit: Option<Option<i64>>,
    /// The period of its quota.
    #[serde(default)]
    pub quota_period: Option<Period>,
    /// How long it is good from now on, 1 second to 100 years; none for ever.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<Life>))]
    #[serde(default, deserialize_with = "Life::read_or_null", skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<Option<u64>>,
    /// Anything of yours: an object of at most 8 KiB of JSON.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::metadata))]
    #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Option<Map<String, Value>>>,
}

/// What the status of a key can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum NewStatus {
    /// It is good.
    Active,
    /// It is rejected until it is made active again. An old secret of it is dead for ever.
    Disabled,
}

impl UpdateApiKey {
    /// A change of this key that changes nothing yet.
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

    /// Writes what is given into `key`.
    fn apply(self, key: &mut KeyRecord, now: i64) -> Result<()> {
        if let Some(name) = self.name {
            key.name = name;
        }
        if let Some(owner_id) = self.owner_id {
            key.owner_id = owner_id;
        }
        if let Some(scopes) = self.scopes {
            key.scopes = check_scopes(scopes)?;
        }
        if let Some(roles) = self.roles {
            key.roles = role::normalize(roles)?;
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
        Ok(())
    }
}

impl Operation for UpdateApiKey {
    type Output = ApiKey;
    const NAME: &'static str = "keys.update";
    const ROUTE: Route = Route::new(Method::Patch, "/v1/keys/{id}", 200);
    const ACCESS: Access = Access::Tenant("keys:write");
    const POSITIONAL: &'static [&'static str] = &["id"];

    fn tenant(&self) -> TenantRef {
        TenantRef::OfKey(self.id)
    }

    fn check(&self) -> Result<()> {
        let given = Given {
            name: self.name.as_ref().and_then(Option::as_deref),
            owner_id: self.owner_id.as_ref().and_then(Option::as_deref),
            metadata: self.metadata.as_ref().and_then(Option::as_ref),
            quota_limit: self.quota_limit.flatten(),
            expires_in_seconds: self.expires_in_seconds.flatten(),
        };
        given.check()?;
        check_scopes(self.scopes.clone().unwrap_or_default())?;
        role::normalize(self.roles.clone().unwrap_or_default()).map(drop)
    }

    async fn run(self, context: &Context<'_>) -> Result<ApiKey> {
        context.write(|tx, context| {
            let now = context.now();
            let id = self.id;
            let ceiling = context.ceiling(tx)?;
            let mut key = changeable(context, tx, &ceiling, id)?;
            // A key that lives again takes up its suffix again.
            let had_ended = key.expires_at.is_some_and(|end| end <= now);
            let before = had_ended.then(|| Suffixes::of(context, tx, key.tenant_id)).transpose()?;
            self.apply(&mut key, now)?;
            ceiling.check(&Reach::of(&key)?)?;
            context.within_bounds(tx, key.tenant_id, |tx| tx.update_key(&key, now))?;
            before.map_or(Ok(()), |before| before.check_added(context, tx, key.tenant_id))?;
            context.audit(tx, Event::new(Action::KeyUpdated).about(&id))?;
            Ok(ApiKey::new(key, now)?)
        })
    }
}
