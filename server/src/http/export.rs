//! Answers that are too long to be held: a part is read when the client has taken the one before. The answer is the one of
//! the operation as a whole, `{ok: true, data: "…"}`; where a later part cannot be had, the connection is closed in the
//! middle of it. How many are sent at once is bounded, in all and for each tenant, and so is the time that each may take:
//! a tenant that reads slowly keeps exports from no other tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::{once, try_unfold};
use gatekeeper::{ErrorKind, Gatekeeper, GatekeeperError, OperationDescriptor, Result, TenantId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::streamed;
use super::app::App;
use super::operation::call;

/// How many such answers are sent at once: each holds a part.
const MAX_AT_ONCE: usize = 64;
/// How many of them for one tenant, or to one client address where no tenant is named.
const MAX_AT_ONCE_FOR_ONE: usize = 8;

/// The answers that are being sent.
pub(crate) struct Exports(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    of: HashMap<Receiver, usize>,
}

/// What an export is counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Receiver {
    Tenant(TenantId),
    /// The client address of a request that names no tenant.
    Address(Option<String>),
}

/// An export that is counted, until dropped.
struct Counted {
    counts: Arc<Mutex<Counts>>,
    receiver: Receiver,
}

/// Of an answer: for how long it may be sent before its connection is closed.
#[derive(Clone, Copy)]
pub(crate) struct SendWithin(pub(crate) Duration);

impl Exports {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Counts one more.
    ///
    /// # Errors
    /// `rate_limited` where this receiver has as many as it may; `service_unavailable` where there are too many in all.
    fn begin(&self, receiver: Receiver) -> Result<Counted> {
        let mut counts = lock(&self.0);
        let of_receiver = counts.of.get(&receiver).copied().unwrap_or_default();
        if of_receiver >= MAX_AT_ONCE_FOR_ONE {
            let message = format!(
                "at most {MAX_AT_ONCE_FOR_ONE} exports of a tenant are sent at once: wait until one has ended"
            );
            return Err(GatekeeperError::new(ErrorKind::RateLimited, message).after(1));
        }
        if counts.all >= MAX_AT_ONCE {
            let message = "too many exports at once: try again in a moment";
            return Err(GatekeeperError::new(ErrorKind::Busy, message).after(1));
        }
        counts.all += 1;
        counts.of.insert(receiver.clone(), of_receiver + 1);
        Ok(Counted { counts: Arc::clone(&self.0), receiver })
    }
}

impl Receiver {
    /// The tenant that a request names, or else the client address that it comes from.
    fn of(texts: &[(String, String)], address: Option<String>) -> Self {
        let tenant = texts.iter().find(|(name, _)| name == "tenantId");
        let tenant = tenant.and_then(|(_, id)| id.parse().ok());
        tenant.map_or(Self::Address(address), Self::Tenant)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        match counts.of.get_mut(&self.receiver) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.of.remove(&self.receiver);
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

/// Answers with every part that `parts` gives, to a client with this address.
pub(crate) async fn run(
    app: Arc<App>,
    caller: Gatekeeper,
    address: Option<String>,
    parts: &'static OperationDescriptor,
    texts: Vec<(String, String)>,
) -> Result<Response> {
    let time = app.config.export_timeout;
    let export = Export { app, caller, parts, texts };
    // What is wrong with the request, or with who sends it, is said with the first part, before it is counted.
    let (first, next) = export.part(None).await?;
    let counted = export.app.exports.begin(Receiver::of(&export.texts, address))?;
    let rest = try_unfold((export, counted, next), |(export, counted, next)| async move {
        let Some(cursor) = next else { return Ok(None) };
        match export.part(Some(cursor)).await {
            Ok((text, next)) => Ok(Some((Bytes::from(text), (export, counted, next)))),
            Err(error) => {
                tracing::warn!(operation = export.parts.name, %error, "an export was broken off");
                Err(error)
            }
        }
    });
    let said = |text: String| once(async move { Ok::<_, GatekeeperError>(Bytes::from(text)) });
    let body = said(format!("{{\"ok\":true,\"data\":\"{first}")).chain(rest).chain(said("\"}".to_owned()));
    let mut answer = streamed(Body::from_stream(body));
    answer.extensions_mut().insert(SendWithin(time));
    Ok(answer)
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

    fn tenant(bits: usize) -> Receiver {
        Receiver::Tenant(format!("tnt_{bits:026}").parse().unwrap())
    }

    #[test]
    fn one_tenant_keeps_exports_from_no_other_and_one_that_ends_makes_room() {
        let exports = Exports::new();
        let mut begun: Vec<_> = (0..MAX_AT_ONCE_FOR_ONE).map(|_| exports.begin(tenant(1)).unwrap()).collect();
        let rejected = exports.begin(tenant(1)).err().unwrap();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::RateLimited, Some(1)));
        assert!(exports.begin(tenant(2)).is_ok());
        begun.pop();
        assert!(exports.begin(tenant(1)).is_ok());
        drop(begun);
        assert!(lock(&exports.0).of.is_empty());
    }

    #[test]
    fn exports_at_once_are_bounded_in_all() {
        let exports = Exports::new();
        let start = |number: usize| exports.begin(tenant(number / MAX_AT_ONCE_FOR_ONE));
        let mut begun: Vec<_> = (0..MAX_AT_ONCE).map(|number| start(number).unwrap()).collect();
        let rejected = start(MAX_AT_ONCE).err().unwrap();
        assert_eq!((rejected.kind(), rejected.retry_after()), (ErrorKind::Busy, Some(1)));
        begun.pop();
        assert!(start(MAX_AT_ONCE).is_ok());
    }

    #[test]
    fn an_export_counts_for_its_tenant_and_without_one_for_the_client_address() {
        let address = Some("192.0.2.1".to_owned());
        let named = [("tenantId".to_owned(), format!("tnt_{:026}", 7))];
        assert_eq!(Receiver::of(&named, address.clone()), tenant(7));
        assert_eq!(Receiver::of(&[], address.clone()), Receiver::Address(address));
    }
}
