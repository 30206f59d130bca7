use serde::{Deserialize, Serialize};

use crate::error::{GatekeeperError, Result};
use crate::store::Creator;

/// The creator of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CreatedBy {
    /// The kind of the creator.
    #[serde(rename = "type")]
    pub kind: PrincipalKind,
    /// The id of the user, API key or root key; none for the operator. Keys that an earlier version created have
    /// the tenant's id instead of a root key's.
    pub id: Option<String>,
}

/// The kind of a principal: an authenticated caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum PrincipalKind {
    /// A user with a session.
    User,
    /// An API key.
    ApiKey,
    /// A root key.
    RootKey,
    /// The program that opened the database, or the command line.
    Operator,
}

impl CreatedBy {
    /// The creator as stored in the database.
    pub(super) fn stored(creator: Creator) -> Result<Self> {
        let kind = match &*creator.kind {
            "user" => PrincipalKind::User,
            "apiKey" => PrincipalKind::ApiKey,
            "rootKey" => PrincipalKind::RootKey,
            "operator" => PrincipalKind::Operator,
            _ => return Err(GatekeeperError::internal("the stored creator of a key has an unknown kind")),
        };
        Ok(Self { kind, id: creator.id })
    }
}
