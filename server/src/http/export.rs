//! Answers that are too long to be held: a part is read when the client has taken the one before. The answer is the one of
//! the operation as a whole, `{ok: true, data: "…"}`; where a later part cannot be had, the connection is closed in the
//! middle of it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::{once, try_unfold};
use gatekeeper::{Entry, ErrorKind, Gatekeeper, GatekeeperError, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::streamed;
use super::app::App;
use super::operation::call;

/// How many such answers are sent at once: each holds a part.
const MAX_AT_ONCE: usize = 64;

/// The answers that are being sent.
pub(crate) struct Exports(Arc<Semaphore>);

impl Exports {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_AT_ONCE)))
    }

    /// Room for one more, until dropped.
    fn begin(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            let message = "too many exports at once: try again in a moment";
            GatekeeperError::new(ErrorKind::Busy, message).after(1)
        })
    }
}

/// An export. Its caller is authorized again for each part.
struct Export {
    app: Arc<App>,
    caller: Gatekeeper,
    parts: &'static Entry,
    texts: Vec<(String, String)>,
}

/// A page of parts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    items: Vec<Part>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Part {
    /// A JSON string.
    text: Box<RawValue>,
}

/// Answers with every part that `parts` gives.
pub(crate) async fn run(
    app: Arc<App>,
    caller: Gatekeeper,
    parts: &'static Entry,
    texts: Vec<(String, String)>,
) -> Result<Response> {
    let export = Export { app, caller, parts, texts };
    // What is wrong with the request, or with who sends it, is said with the first part, before it has taken a turn.
    let (first, next) = export.part(None).await?;
    let turn = export.app.exports.begin()?;
    let rest = try_unfold((export, turn, next), |(export, turn, next)| async move {
        let Some(cursor) = next else { return Ok(None) };
        match export.part(Some(cursor)).await {
            Ok((text, next)) => Ok(Some((Bytes::from(text), (export, turn, next)))),
            Err(error) => {
                tracing::warn!(operation = export.parts.name, %error, "an export was broken off");
                Err(error)
            }
        }
    });
    let said = |text: String| once(async move { Ok::<_, GatekeeperError>(Bytes::from(text)) });
    let body = said(format!("{{\"ok\":true,\"data\":\"{first}")).chain(rest).chain(said("\"}".to_owned()));
    Ok(streamed(Body::from_stream(body)))
}

impl Export {
    /// The text of a part, as it stands in a JSON string, and the cursor of the next.
    async fn part(&self, cursor: Option<String>) -> Result<(String, Option<String>)> {
        let mut texts = self.texts.clone();
        if let Some(cursor) = cursor {
            texts.retain(|(name, _)| name != "cursor");
            texts.push(("cursor".to_owned(), cursor));
        }
        let answer = call(&self.app, self.caller.clone(), self.parts, "{}".to_owned(), texts).await?;
        let page: Parts = serde_json::from_str(&answer).map_err(GatekeeperError::internal)?;
        let quoted = page.items.iter().map(|part| part.text.get());
        let texts = quoted.filter_map(|text| text.strip_prefix('"')?.strip_suffix('"'));
        Ok((texts.collect(), page.next_cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_at_once_are_bounded_and_one_that_ends_makes_room() {
        let exports = Exports::new();
        let mut begun: Vec<_> = (0..MAX_AT_ONCE).map(|_| exports.begin().unwrap()).collect();
        let refused = exports.begin().unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::Busy, Some(1)));
        begun.pop();
        assert!(exports.begin().is_ok());
    }
}
