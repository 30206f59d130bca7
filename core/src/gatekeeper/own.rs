//! A place of your own: it runs its operations here.

use std::sync::Arc;

use super::options::{Options, manual_clock};
use super::{open_files, url};
use crate::access::{Call, Settings};
use crate::clock::Clock;
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::identity::Keyring;
use crate::metering::Retention;
use crate::operation::{self, Operation};
use crate::place::{OpenPlace, Place};
use crate::store::DEFAULT_TENANT;
use crate::verify::{Caller, Decisions, Targets};
use crate::window::Limit;

/// A place in this process, and for whom it is used.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) place: OpenPlace,
    pub(super) settings: Arc<Settings>,
    pub(super) caller: Arc<Caller>,
    pub(super) source: Option<Arc<str>>,
    /// Of this handle, not of the place: a file that is opened twice may be opened with other endpoints.
    pub(super) targets: Arc<Targets>,
    /// Who wants to know how verifications end.
    pub(super) decisions: Option<Arc<Decisions>>,
}

impl Own {
    pub(super) fn open(place: url::Own, options: Options) -> Result<Self> {
        let sizes = options.sizes()?;
        let Options {
            clock,
            secret,
            issuer,
            audience,
            refresh_grace_ms,
            signing_algorithm: algorithm,
            usage_retention_days,
            endpoints,
            ..
        } = options;
        let retention = usage_retention_days.map(Retention::of_days).transpose()?;
        let settings = Arc::new(Settings { issuer, audience, refresh_grace_ms, algorithm, retention });
        let place = match (place, &clock) {
            (url::Own::Memory, _) => Place::in_memory(clock, &sizes)?,
            (url::Own::File(path), Clock::System) => open_files::place(path, &sizes)?,
            (url::Own::File(_), Clock::Manual(_)) => return Err(manual_clock()),
        };
        place.take_secret(secret)?;
        let targets = Arc::new(Targets::new(endpoints));
        Ok(Self {
            place,
            settings,
            caller: Arc::new(Caller::Operator),
            source: None,
            targets,
            decisions: None,
        })
    }

    /// The same place for another caller.
    pub(super) fn acting(&self, caller: impl Into<Arc<Caller>>) -> Self {
        Self { caller: caller.into(), ..self.clone() }
    }

    pub(super) async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let context = operation::admitted(self.as_call(), &operation)?;
        operation.run(&context).await
    }

    /// Refuses everybody but whoever runs the place.
    pub(super) fn operator_only(&self, refusal: &str) -> Result<()> {
        match *self.caller {
            Caller::Operator => Ok(()),
            _ => Err(GatekeeperError::new(ErrorKind::Forbidden, refusal)),
        }
    }

    pub(super) fn check_ready(&self) -> Result<()> {
        self.place.store().read_rows(|rows| rows.tenant(DEFAULT_TENANT))?;
        self.place.engine().take_unkeyed("ready", "", Limit::new(u32::MAX, 1)?).map(drop)
    }

    pub(super) fn check_caller(&self) -> Result<()> {
        self.caller.tenant_now(self.place.engine()).map(drop)
    }

    pub(super) fn jwks(&self) -> Result<serde_json::Value> {
        self.place.signers().jwks(self.keyring()?)
    }

    pub(super) fn as_call(&self) -> Call<'_> {
        Call {
            place: &self.place,
            settings: &self.settings,
            caller: &self.caller,
            source: self.source.as_deref(),
            targets: &self.targets,
            decisions: self.decisions.as_deref(),
        }
    }

    fn keyring(&self) -> Result<Keyring<'_>> {
        self.place.keyring(self.settings.algorithm)
    }
}
