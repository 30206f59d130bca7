//! A place of your own: it runs its operations here.

use std::path::PathBuf;
use std::sync::Arc;

use super::open_files;
use super::options::{Options, manual_clock};
use crate::access::{Access, Attribution, Call, Context, ImportRules, Settings, TenantRef, Tiers, counted};
use crate::clock::Clock;
use crate::error::Result;
use crate::identity::{Keyring, SessionRules};
use crate::limit::Endpoints;
use crate::metering::Retention;
use crate::operation::{self, Entry, Operation, Request};
use crate::patience;
use crate::place::{OpenPlace, Place};
use crate::secret::Secret;
use crate::store::DEFAULT_TENANT;
use crate::vault::Secrets;
use crate::verify::{Caller, Decisions, Targets};
use crate::window::Limit;

/// A place in this process, and for whom it is used.
#[derive(Clone)]
pub(super) struct Own {
    setup: Arc<Setup>,
    pub(super) caller: Arc<Caller>,
    source: Option<Arc<str>>,
    attribution: Option<Arc<Attribution>>,
    signup_is_closed: bool,
}

/// A place and how it is used, whoever uses it. A file that is opened twice may be opened with other endpoints.
#[derive(Clone)]
struct Setup {
    place: OpenPlace,
    settings: Arc<Settings>,
    targets: Arc<Targets>,
    /// Who wants to know how verifications end.
    decisions: Option<Arc<Decisions>>,
}

impl Own {
    /// A file, or without one a database in memory.
    pub(super) fn open(file: Option<PathBuf>, options: Options) -> Result<Self> {
        let sizes = options.sizes()?;
        let Options {
            clock,
            secret,
            previous_secret,
            issuer,
            audience,
            token_audiences,
            refresh_grace_ms,
            signing_algorithm: algorithm,
            session_days,
            sessions_per_user,
            usage_retention_days,
            signups_per_minute,
            refreshes_per_minute,
            wrong_keys_per_minute,
            wrong_passwords_per_minute,
            key_imports,
            import_suffixes_per_tenant,
            import_suffixes,
            endpoints,
            create,
            ..
        } = options;
        let retention = usage_retention_days.map(Retention::of_days).transpose()?;
        let tiers = Tiers::new(
            signups_per_minute,
            refreshes_per_minute,
            wrong_keys_per_minute,
            wrong_passwords_per_minute,
        )?;
        let sessions = SessionRules::new(session_days, sessions_per_user)?;
        let imports = ImportRules::new(key_imports, import_suffixes_per_tenant, import_suffixes)?;
        let settings = Arc::new(Settings {
            issuer,
            audience,
            token_audiences,
            refresh_grace_ms,
            sessions,
            algorithm,
            retention,
            tiers,
            imports,
        });
        let place = match (file, &clock) {
            (None, _) => Place::in_memory(clock, &sizes)?,
            (Some(path), Clock::System) => open_files::place(path, &sizes)?,
            (Some(_), Clock::Manual(_)) => return Err(manual_clock()),
        };
        if !create {
            place.store().never_create();
        }
        place
            .take_secrets(&Secrets { current: of_setting(secret), previous: of_setting(previous_secret) })?;
        let targets = Arc::new(Targets::new(endpoints));
        let setup = Arc::new(Setup { place, settings, targets, decisions: None });
        Ok(Self {
            setup,
            caller: Arc::new(Caller::Operator),
            source: None,
            attribution: None,
            signup_is_closed: false,
        })
    }

    pub(super) fn place(&self) -> &OpenPlace {
        &self.setup.place
    }

    /// The same place for another caller.
    pub(super) fn acting(&self, caller: impl Into<Arc<Caller>>) -> Self {
        Self { caller: caller.into(), ..self.clone() }
    }

    /// The same place for calls that come from `source`.
    pub(super) fn called_from(&self, source: &str) -> Self {
        Self { source: Some(counted(source).into()), ..self.clone() }
    }

    /// The same place; who makes its calls is noted in `attribution`.
    pub(super) fn attributing(&self, attribution: &Arc<Attribution>) -> Self {
        Self { attribution: Some(Arc::clone(attribution)), ..self.clone() }
    }

    /// The same place for calls that may make neither an account nor a tenant.
    pub(super) fn with_closed_signup(&self) -> Self {
        Self { signup_is_closed: true, ..self.clone() }
    }

    /// The same place with other endpoints.
    pub(super) fn with_endpoints(&self, endpoints: Endpoints) -> Self {
        let targets = Arc::new(Targets::new(endpoints));
        Self { setup: Arc::new(Setup { targets, ..(*self.setup).clone() }), ..self.clone() }
    }

    /// The same place; how its verifications end is counted in `decisions`.
    pub(super) fn counting(&self, decisions: Arc<Decisions>) -> Self {
        let decisions = Some(decisions);
        Self { setup: Arc::new(Setup { decisions, ..(*self.setup).clone() }), ..self.clone() }
    }

    pub(super) async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let call = async {
            let context = operation::admitted(self.as_call(), &operation)?;
            operation.run(&context).await
        };
        patience::call_async(call).await
    }

    /// Runs an operation of the table; answers in JSON.
    pub(super) async fn call_entry(&self, entry: &Entry, request: Request<'_>) -> Result<String> {
        patience::call_async(entry.call(self.as_call(), request)).await
    }

    /// What runs in it, for whoever runs the place and nobody else.
    pub(super) fn as_operator(&self) -> Result<Context<'_>> {
        self.as_call().admit(Access::Operator, None, TenantRef::None)
    }

    pub(super) fn check_ready(&self) -> Result<()> {
        patience::call(|| {
            self.place().store().read_rows(|rows| rows.tenant(DEFAULT_TENANT))?;
            self.place().engine().take_unkeyed("ready", "", Limit::new(u32::MAX, 1)?)?;
            self.place().signers().check(self.keyring()?)
        })
    }

    pub(super) fn check_caller(&self) -> Result<()> {
        patience::call(|| self.caller.root_key_now(self.place().engine()).map(drop))
    }

    pub(super) fn jwks(&self) -> Result<serde_json::Value> {
        patience::call(|| self.place().signers().jwks(self.keyring()?))
    }

    pub(super) fn as_call(&self) -> Call<'_> {
        let Setup { place, settings, targets, decisions } = &*self.setup;
        Call {
            place,
            settings,
            caller: &self.caller,
            source: self.source.as_deref(),
            targets,
            decisions: decisions.as_deref(),
            attribution: self.attribution.as_deref(),
            signup_is_closed: self.signup_is_closed,
        }
    }

    fn keyring(&self) -> Result<Keyring<'_>> {
        self.place().keyring(self.setup.settings.algorithm)
    }
}

fn of_setting(secret: Option<Secret>) -> Option<Secret> {
    secret.map(|secret| Secret::of_setting(secret.expose()))
}
