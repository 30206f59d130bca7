//! Checks of what a request says of a key.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::operation::field::{Life, QuotaLimit, check_metadata, check_text};
use crate::whole::Range as _;

/// What several requests say of a key.
pub(super) struct Given<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) owner_id: Option<&'a str>,
    pub(super) metadata: Option<&'a Map<String, Value>>,
    pub(super) quota_limit: Option<i64>,
    pub(super) expires_in_seconds: Option<u64>,
}

impl Given<'_> {
    pub(super) fn check(&self) -> Result<()> {
        check_text("name", self.name)?;
        check_text("ownerId", self.owner_id)?;
        check_metadata(self.metadata)?;
        Life::check("expiresInSeconds", self.expires_in_seconds)?;
        QuotaLimit::check("quotaLimit", self.quota_limit)
    }
}

/// Tells a field that is `null` from one that is not there.
#[allow(clippy::option_option, reason = "the outer one says whether it was given")]
pub(super) fn or_null<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
