//! A verification as a state machine that does no I/O.
//!
//! It takes these stages: find the record of the key, validate it, note its use, check its scopes, select the limit, acquire
//! permits. Each stage calls the next one. Where a stage needs what memory does not hold, it returns a [`Need`], which carries
//! everything that is known so far. The caller decides where the I/O happens: [`supply`](Verification::supply) waits for it on
//! the thread that calls it, and goes on with the next stage. Nothing is done twice.

use std::sync::Arc;

use super::cache::CacheEntry;
use super::compiled::CompiledEndpoint;
use super::counters::VerdictCode;
use super::engine::{Engine, View};
use super::find::{Found, Presented};
use super::tenants::KeysOf;
use super::verdict::{Decision, Verdict};
use crate::clock::Now;
use crate::deadline;
use crate::error::{GatekeeperError, Result};
use crate::id::TenantId;
use crate::key::{CachedKey, covers};
use crate::secret::Digest;
use crate::window::{Acquired, Limit, Request};

/// What is verified, and what it must have.
#[derive(Clone, Copy)]
pub(crate) struct Verification<'a, V, S> {
    pub(crate) key: Presented<'a>,
    pub(crate) keys_of: KeysOf<'a>,
    /// Where permits are acquired; none to validate the key alone.
    pub(crate) endpoint: Option<&'a CompiledEndpoint>,
    pub(crate) variables: &'a [V],
    pub(crate) scopes: &'a [S],
    pub(crate) cost: u32,
}

/// The result of a stage.
#[must_use]
pub(crate) enum Step {
    Done(Verdict),
    Need(Need),
}

/// What a verification needs to go on, with what is known so far.
pub(crate) enum Need {
    /// The files that the processes of a machine share must be opened.
    Files,
    /// The record of the key must be looked up. It has this digest, if it has our format.
    Record(Option<Digest>),
    /// The rights of a member in the tenant of this key must be read.
    Rights(Arc<CachedKey>),
    /// The use of this key must be noted, for which a file must be opened or a buffer emptied.
    Use(Arc<CachedKey>),
    /// Permits must be acquired from counters whose file must be opened, or which reply later.
    Permit(Selected),
}

/// A valid key and the limit that applies to it.
pub(crate) struct Selected {
    key: Arc<CachedKey>,
    /// The index of the key's role that selected the limit; none for the default.
    role: Option<usize>,
    limit: Limit,
}

/// Whether the caller, a member, may verify the keys of a tenant. It may wait for the store.
pub(crate) type MayVerify<'a> = &'a dyn Fn(TenantId) -> Result<bool>;

impl<V: AsRef<str>, S: AsRef<str>> Verification<'_, V, S> {
    /// Goes as far as it can without I/O.
    #[inline]
    pub(crate) fn begin(&self, engine: &Engine) -> Result<Step> {
        match engine.view()? {
            Some(view) => self.begin_at(engine, view),
            None => Ok(Step::Need(Need::Files)),
        }
    }

    /// [`begin`](Self::begin) at a view that the caller has.
    #[inline]
    pub(super) fn begin_at(&self, engine: &Engine, view: View<'_>) -> Result<Step> {
        match engine.cached(self.key, view) {
            Found::Entry(entry) => self.validate(engine, view, entry),
            Found::Missing(own) => Ok(Step::Need(Need::Record(own))),
        }
    }

    /// Supplies what is needed, waiting for the disk, and goes on.
    #[cold]
    pub(super) fn supply(
        &self,
        engine: &Engine,
        need: Need,
        may_verify: Option<MayVerify<'_>>,
    ) -> Result<Step> {
        match need {
            Need::Files => self.begin_at(engine, engine.open_view()?),
            Need::Record(own) => {
                let view = engine.open_view()?;
                let entry = engine.look_up_presented(self.key, own, view)?;
                self.validate(engine, view, entry)
            }
            Need::Rights(key) => match may_verify {
                Some(may_verify) if may_verify(key.tenant)? => {
                    self.note_use(engine, engine.open_view()?, key)
                }
                _ => Ok(Step::Done(Verdict::InvalidKey)),
            },
            Need::Use(key) => {
                let view = engine.open_view()?;
                engine.note_use_waiting(&key, view);
                self.check_scopes(engine, view, key)
            }
            Need::Permit(selected) => {
                let view = engine.open_view()?;
                let Some(endpoint) = self.endpoint else { return Err(no_endpoint()) };
                let request = self.request(endpoint, &selected);
                let name = |secret: &[u8; 16]| endpoint.slot(secret, selected.key.id, self.variables);
                let acquired = engine.acquire(view, &request, name)?;
                Ok(Step::Done(decide(view.now(), selected, &acquired)))
            }
        }
    }

    /// Asks counters that reply later for the permits of `selected`. `reply` is called with the verdict.
    pub(super) fn ask(
        &self,
        engine: &Engine,
        selected: Selected,
        reply: impl FnOnce(Result<Verdict>) + Send + 'static,
    ) -> Result<()> {
        let (view, Some(endpoint)) = (engine.open_view()?, self.endpoint) else { return Err(no_endpoint()) };
        let (now, request) = (view.now(), self.request(endpoint, &selected));
        let name = endpoint.slot(view.slot_key(), selected.key.id, self.variables);
        let decided = move |acquired: Result<Acquired>| reply(acquired.map(|it| decide(now, selected, &it)));
        engine.ask(view, &request, name, Box::new(decided));
        Ok(())
    }

    /// The verdict after this step, waiting for the disk where that is needed.
    #[inline]
    pub(crate) fn finish(
        &self,
        engine: &Engine,
        step: Step,
        may_verify: Option<MayVerify<'_>>,
    ) -> Result<Verdict> {
        match step {
            // A key that is cached needs no deadline, which saves reading the clock.
            Step::Done(verdict) => Ok(verdict),
            Step::Need(need) => deadline::call(|| self.supply_all(engine, need, may_verify)),
        }
    }

    /// The verdict, after everything that is needed has been supplied.
    pub(crate) fn supply_all(
        &self,
        engine: &Engine,
        mut need: Need,
        may_verify: Option<MayVerify<'_>>,
    ) -> Result<Verdict> {
        loop {
            match self.supply(engine, need, may_verify)? {
                Step::Done(verdict) => return Ok(verdict),
                Step::Need(next) => need = next,
            }
        }
    }

    #[inline]
    fn validate(&self, engine: &Engine, view: View<'_>, entry: CacheEntry) -> Result<Step> {
        let CacheEntry::Known(key) = engine.accepted(entry, self.keys_of, view) else {
            return Ok(Step::Done(Verdict::InvalidKey));
        };
        match self.keys_of {
            KeysOf::Members(_) => Ok(Step::Need(Need::Rights(key))),
            _ => self.note_use(engine, view, key),
        }
    }

    #[inline]
    fn note_use(&self, engine: &Engine, view: View<'_>, key: Arc<CachedKey>) -> Result<Step> {
        if engine.note_use(&key, view) {
            self.check_scopes(engine, view, key)
        } else {
            Ok(Step::Need(Need::Use(key)))
        }
    }

    #[inline]
    fn check_scopes(&self, engine: &Engine, view: View<'_>, key: Arc<CachedKey>) -> Result<Step> {
        let has = |scope: &S| key.scopes().iter().any(|held| covers(held, scope.as_ref()));
        if self.scopes.iter().all(has) {
            return self.select(engine, view, key);
        }
        Ok(Step::Done(Verdict::Forbidden(Decision::uncounted(VerdictCode::InsufficientScope, key))))
    }

    #[inline]
    fn select(&self, engine: &Engine, view: View<'_>, key: Arc<CachedKey>) -> Result<Step> {
        let Some(endpoint) = self.endpoint else {
            return Ok(Step::Done(Verdict::Admitted(Decision::uncounted(VerdictCode::Valid, key))));
        };
        let (selected, limit) = endpoint.choose(&key.roles);
        if self.cost > limit.max_req() {
            return Err(too_costly(limit));
        }
        let selected = Selected { key, role: selected.map(|selected| selected.role), limit };
        self.acquire(engine, view, endpoint, selected)
    }

    #[inline]
    fn acquire(
        &self,
        engine: &Engine,
        view: View<'_>,
        endpoint: &CompiledEndpoint,
        selected: Selected,
    ) -> Result<Step> {
        let request = self.request(endpoint, &selected);
        let name = |secret: &[u8; 16]| endpoint.slot(secret, selected.key.id, self.variables);
        match engine.acquire_if_open(view, &request, name)? {
            Some(acquired) => Ok(Step::Done(decide(view.now(), selected, &acquired))),
            None => Ok(Step::Need(Need::Permit(selected))),
        }
    }

    #[inline]
    fn request(&self, endpoint: &CompiledEndpoint, selected: &Selected) -> Request<'static> {
        Request { limit: selected.limit, shorter: &[], cost: self.cost, keep_ms: endpoint.keep_ms() }
    }
}

/// The verdict on what the counters returned.
#[inline]
fn decide(now: Now, selected: Selected, acquired: &Acquired) -> Verdict {
    let frees_in = acquired.frees_at.saturating_sub(now.boot_ms);
    let decision = Decision {
        code: if acquired.admitted { VerdictCode::Valid } else { VerdictCode::RateLimited },
        remaining: acquired.remaining,
        total: acquired.limit.max_req(),
        reset: now.wall_ms.saturating_add(frees_in).div_ceil(1000),
        retry_after_ms: acquired.retry_after_ms(),
        window_ms: acquired.limit.duration_ms(),
        reset_after_ms: acquired.frees_in_ms,
        role: selected.role,
        key: selected.key,
    };
    if acquired.admitted { Verdict::Admitted(decision) } else { Verdict::RateLimited(decision) }
}

#[cold]
fn too_costly(limit: Limit) -> GatekeeperError {
    GatekeeperError::bad_request(format!(
        "cost must be at most {}, the limit that applies here",
        limit.max_req()
    ))
}

#[cold]
fn no_endpoint() -> GatekeeperError {
    GatekeeperError::internal("a permit was needed without an endpoint")
}
