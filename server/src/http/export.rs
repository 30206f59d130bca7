//! Streams exports, which are too long to hold in memory: each part is read after the client has received the one
//! before. The response is that of the operation, `{ok: true, data: "…"}`. If a later part fails, the connection is
//! closed in the middle of the response. The number of concurrent exports is bounded, in total and for each tenant, and
//! so is the time of each: a tenant that reads slowly does not block the exports of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::{once, try_unfold};
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{ErrorKind, GatekeeperError, OperationDescriptor, Result, TenantId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::app::App;
use super::operation::call;
use super::response::streamed;

/// The maximum number of concurrent exports. Each holds one part in memory.
const MAX_TOTAL: usize = 64;
/// The maximum number of concurrent exports of one tenant, or of one client address if the request names no tenant.
const MAX_FOR_OWNER: usize = 8;

/// The exports that are in progress.
pub(crate) struct Exports(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    of: HashMap<ExportOwner, usize>,
}

/// The tenant or client address that an export counts against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ExportOwner {
    Tenant(TenantId),
    /// The client address of a request that does not name a tenant.
    Address(Option<String>),
}

/// An export in progress, slot until it is dropped.
struct ExportSlot {
    counts: Arc<Mutex<Counts>>,
    owner: ExportOwner,
}

/// An extension of a response: its timeout, after which the connection is closed.
#[derive(Clone, Copy)]
pub(crate) struct SendTimeout(pub(crate) Duration);

impl Exports {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Starts an export.
    ///
    /// # Errors
    /// `rate_limited` if this owner has the maximum number of exports; `service_unavailable` if the server has.
    fn begin(&self, owner: ExportOwner) -> Result<ExportSlot> {
        let mut counts = lock(&self.0);
        let of_owner = counts.of.get(&owner).copied().unwrap_or_default();
        if of_owner >= MAX_FOR_OWNER {
            let message = format!(
                "at most {MAX_FOR_OWNER} concurrent exports of a tenant are allowed: wait until one has ended"
            );
            return Err(GatekeeperError::new(ErrorKind::RateLimited, message).after(1));
        }
        if counts.all >= MAX_TOTAL {
            let message = "too many concurrent exports: try again in a moment";
            return Err(GatekeeperError::new(ErrorKind::Busy, message).after(1));
        }
        counts.all += 1;
        counts.of.insert(owner.clone(), of_owner + 1);
        Ok(ExportSlot { counts: Arc::clone(&self.0), owner })
    }
}

impl ExportOwner {
    /// The tenant that the request names, otherwise its client address.
    fn of(texts: &[(String, String)], address: Option<String>) -> Self {
        let tenant = texts.iter().find(|(name, _)| name == "tenantId");
        let tenant = tenant.and_then(|(_, id)| id.parse().ok());
        tenant.map_or(Self::Address(address), Self::Tenant)
    }
}

impl Drop for ExportSlot {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        match counts.of.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.of.remove(&self.owner);
            }
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

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
    // The first part validates the request and authorizes its caller, before the export is slot.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(bits: usize) -> ExportOwner {
        ExportOwner::Tenant(format!("tnt_{bits:026}").parse().unwrap())
    }

    #[test]
    fn a_tenant_does_not_block_exports_of_others_and_an_export_that_ends_frees_its_slot() {
        let exports = Exports::new();
        let mut begun: Vec<_> = (0..MAX_FOR_OWNER).map(|_| exports.begin(tenant(1)).unwrap()).collect();
        let rejected = exports.begin(tenant(1)).err().unwrap();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::RateLimited, Some(1)));
        assert!(exports.begin(tenant(2)).is_ok());
        begun.pop();
        assert!(exports.begin(tenant(1)).is_ok());
        drop(begun);
        assert!(lock(&exports.0).of.is_empty());
    }

    #[test]
    fn the_total_of_concurrent_exports_is_bounded() {
        let exports = Exports::new();
        let start = |number: usize| exports.begin(tenant(number / MAX_FOR_OWNER));
        let mut begun: Vec<_> = (0..MAX_TOTAL).map(|number| start(number).unwrap()).collect();
        let rejected = start(MAX_TOTAL).err().unwrap();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::Busy, Some(1)));
        begun.pop();
        assert!(start(MAX_TOTAL).is_ok());
    }

    #[test]
    fn an_export_counts_against_its_tenant_or_else_its_client_address() {
        let address = Some("192.0.2.1".to_owned());
        let named = [("tenantId".to_owned(), format!("tnt_{:026}", 7))];
        assert_eq!(ExportOwner::of(&named, address.clone()), tenant(7));
        assert_eq!(ExportOwner::of(&[], address.clone()), ExportOwner::Address(address));
    }
}
