//! Streams exports, which are too long to hold in memory: each part is read after the client has received the one
//! before. The response is that of the operation, `{ok: true, data: "…"}`. If a later part fails, the connection is
//! closed in the middle of the response. The number of concurrent exports and the time of each are bounded.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::{once, try_unfold};
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::OperationDescriptor;
use gatekeeper::{GatekeeperError, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::app::App;
use super::dispatch::call;
use super::export_slots::ExportOwner;
use super::response::streamed;

/// An extension of a response: its timeout, after which the connection is closed.
#[derive(Clone, Copy)]
pub(crate) struct SendTimeout(pub(crate) Duration);

/// An export. Its caller is authorized again for each part.
struct Export {
    app: Arc<App>,
    caller: Gatekeeper,
    parts: &'static OperationDescriptor,
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

/// Responds with all parts that the operation `parts` returns, to a client with this address.
pub(crate) async fn run(
    app: Arc<App>,
    caller: Gatekeeper,
    address: Option<String>,
    parts: &'static OperationDescriptor,
    texts: Vec<(String, String)>,
) -> Result<Response> {
    let time = app.config.export_timeout;
    let export = Export { app, caller, parts, texts };
    // The first part validates the request and authorizes its caller, before the export is counted.
    let (first, next) = export.part(None).await?;
    let slot = export.app.exports.begin(ExportOwner::of(&export.texts, address))?;
    let rest = try_unfold((export, slot, next), |(export, slot, next)| async move {
        let Some(cursor) = next else { return Ok(None) };
        match export.part(Some(cursor)).await {
            Ok((text, next)) => Ok(Some((Bytes::from(text), (export, slot, next)))),
            Err(error) => {
                tracing::warn!(operation = export.parts.name, %error, "an export was aborted");
                Err(error)
            }
        }
    });
    let literal = |text: String| once(async move { Ok::<_, GatekeeperError>(Bytes::from(text)) });
    let body =
        literal(format!("{{\"ok\":true,\"data\":\"{first}")).chain(rest).chain(literal("\"}".to_owned()));
    let mut response = streamed(Body::from_stream(body));
    response.extensions_mut().insert(SendTimeout(time));
    Ok(response)
}

impl Export {
    /// The text of a part, escaped for a JSON string, and the cursor of the next part.
    async fn part(&self, cursor: Option<String>) -> Result<(String, Option<String>)> {
        let mut texts = self.texts.clone();
        if let Some(cursor) = cursor {
            texts.retain(|(name, _)| name != "cursor");
            texts.push(("cursor".to_owned(), cursor));
        }
        let response = call(&self.app, self.caller.clone(), self.parts, "{}".to_owned(), texts).await?;
        let page: Parts = serde_json::from_str(&response).map_err(GatekeeperError::internal)?;
        let quoted = page.items.iter().map(|part| part.text.get());
        let texts = quoted.filter_map(|text| text.strip_prefix('"')?.strip_suffix('"'));
        Ok((texts.collect(), page.next_cursor))
    }
}
