//! Checks of the fields that several requests about keys share.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::operation::field::{Life, QuotaLimit, check_metadata, check_text};
use crate::whole::Range as _;

/// The fields that several requests about keys share.
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

/// Deserializes a field that can be `null`: `Some(None)` for `null`, and `None` for a missing field by
/// `#[serde(default)]`.
#[allow(clippy::option_option, reason = "the outer option says whether the field was given")]
pub(super) fn or_null<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
