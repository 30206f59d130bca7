use serde::{Deserialize, Serialize};

use crate::error::{GatekeeperError, Result};
use crate::store::Creator;

/// Who created a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreatedBy {
    /// What kind of caller it was.
    #[serde(rename = "type")]
    pub kind: PrincipalKind,
    /// The id of the user, of the API key or of the root key; none for the operator. Keys of earlier versions have the
    /// tenant's id for a root key.
    pub id: Option<String>,
}

/// A kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum PrincipalKind {
    /// A user, in one of their sessions.
    User,
    /// An API key.
    ApiKey,
    /// A root key.
    RootKey,
    /// The program that has the database open, or its command line.
    Operator,
}

impl CreatedBy {
    /// The creator as it was stored.
    pub(super) fn stored(creator: Creator) -> Result<Self> {
        let kind = match &*creator.kind {
            "user" => PrincipalKind::User,
            "apiKey" => PrincipalKind::ApiKey,
            "rootKey" => PrincipalKind::RootKey,
            "operator" => PrincipalKind::Operator,
            _ => return Err(GatekeeperError::internal("a stored creator of a key is of no known kind")),
        };
        Ok(Self { kind, id: creator.id })
    }
}
