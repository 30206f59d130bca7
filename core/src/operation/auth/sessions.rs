use serde::{Deserialize, Serialize};

use crate::authz::{Access, Action, Context, Event, Principal, not_found};
use crate::error::Result;
use crate::id::SessionId;
use crate::operation::field::PageLimit;
use crate::operation::page::List;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{Method, Operation, Page, Route};
use crate::whole::Range as _;

/// Lists the user's active sessions, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListSessions {
    /// The maximum number of items: 1 to 100. Larger values count as 100, and 0 as 1. Defaults to 50.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<PageLimit>))]
    #[serde(default, deserialize_with = "PageLimit::read")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the previous page. Defaults to the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Ends one of the user's sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeSession {
    /// The session's id.
    pub session_id: SessionId,
}

/// A session of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// The client address at login, if known.
    pub source: Option<String>,
    /// Whether it is the session that makes this call.
    pub current: bool,
    /// When the session began, Unix milliseconds.
    pub created_at: i64,
    /// When the session last got new tokens, Unix milliseconds.
    pub last_used_at: i64,
    /// When the session ends unless it gets new tokens before, Unix milliseconds.
    pub expires_at: i64,
    /// When the session ends in any case, Unix milliseconds.
    pub ends_at: i64,
}

impl Operation for ListSessions {
    type Checked = Self;
    type Output = Page<Session>;
    const NAME: &'static str = "auth.sessions";
    const ROUTE: Route = Route::new(Method::Get, "/v1/auth/sessions", 200);
    const ACCESS: Access = Access::User;

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<Session>> {
        let Principal::User { id, session } = *context.principal() else { return Err(not_found()) };
        let list = List::new(context, format!("sessions of {id}"), request.limit);
        let after = list.after(request.cursor.as_deref())?;
        let rows = context.read(|rows| rows.sessions_of(id, context.now(), after, list.limit_and_one()))?;
        list.page(
            rows,
            |row| row.id,
            |row| Session {
                id: row.id,
                source: row.source,
                current: row.id == session,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                expires_at: row.expires_at,
                ends_at: context.settings().sessions.end(row.created_at),
            },
        )
    }
}

impl Operation for RevokeSession {
    type Checked = Self;
    type Output = ();
    const NAME: &'static str = "auth.revokeSession";
    const ROUTE: Route = Route::new(Method::Delete, "/v1/auth/sessions/{sessionId}", 200);
    const ACCESS: Access = Access::User;
    const POSITIONAL: &'static [&'static str] = &["sessionId"];

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<()> {
        let user = context.user()?;
        context.write(|tx, context| {
            if !tx.revoke_session(user, request.session_id, context.now())? {
                return Err(not_found().into());
            }
            context.audit(tx, Event::new(Action::SessionEnded).about(&request.session_id))
        })
    }
}
