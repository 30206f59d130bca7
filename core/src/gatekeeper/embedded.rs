//! A place of your own: it runs its operations here.

use std::path::PathBuf;
use std::sync::Arc;

use super::open_files;
use super::options::{Options, manual_clock};
use crate::authz::{
    Access, Attribution, Call, Context, ImportRules, Settings, TenantRef, Throttles, counted,
};
use crate::clock::Clock;
use crate::database::{Database, OpenDatabase};
use crate::deadline;
use crate::error::Result;
use crate::identity::{Keyring, SessionRules};
use crate::limit::Endpoints;
use crate::metering::Retention;
use crate::operation::{self, Operation, OperationDescriptor, Request};
use crate::secret::Secret;
use crate::store::DEFAULT_TENANT;
use crate::vault::Secrets;
use crate::verify::{CompiledEndpoints, Credential, VerdictCounters};
use crate::window::Limit;

/// A place in this process, and for whom it is used.
#[derive(Clone)]
pub(super) struct Embedded {
    setup: Arc<Setup>,
    pub(super) credential: Arc<Credential>,
    client_address: Option<Arc<str>>,
    attribution: Option<Arc<Attribution>>,
    signup_is_closed: bool,
}

/// A place and how it is used, whoever uses it. A file that is opened twice may be opened with other endpoints.
#[derive(Clone)]
struct Setup {
    database: OpenDatabase,
    settings: Arc<Settings>,
    endpoints: Arc<CompiledEndpoints>,
    /// Who wants to know how verifications end.
    verdict_counters: Option<Arc<VerdictCounters>>,
}

impl Embedded {
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
        let throttles = Throttles::new(
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
            throttles,
            imports,
        });
        let database = match (file, &clock) {
            (None, _) => Database::in_memory(clock, &sizes)?,
            (Some(path), Clock::System) => open_files::database(path, &sizes)?,
            (Some(_), Clock::Manual(_)) => return Err(manual_clock()),
        };
        if !create {
            database.store().never_create();
        }
        database
            .take_secrets(&Secrets { current: of_setting(secret), previous: of_setting(previous_secret) })?;
        let endpoints = Arc::new(CompiledEndpoints::new(endpoints));
        let setup = Arc::new(Setup { database, settings, endpoints, verdict_counters: None });
        Ok(Self {
            setup,
            credential: Arc::new(Credential::Operator),
            client_address: None,
            attribution: None,
            signup_is_closed: false,
        })
    }

    pub(super) fn database(&self) -> &OpenDatabase {
        &self.setup.database
    }

    /// The same place for another caller.
    pub(super) fn acting(&self, credential: impl Into<Arc<Credential>>) -> Self {
        Self { credential: credential.into(), ..self.clone() }
    }

    /// The same place for calls that come from `client_address`.
    pub(super) fn with_client_address(&self, client_address: &str) -> Self {
        Self { client_address: Some(counted(client_address).into()), ..self.clone() }
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
        let endpoints = Arc::new(CompiledEndpoints::new(endpoints));
        Self { setup: Arc::new(Setup { endpoints, ..(*self.setup).clone() }), ..self.clone() }
    }

    /// The same place; how its verifications end is counted in `verdict_counters`.
    pub(super) fn counting(&self, verdict_counters: Arc<VerdictCounters>) -> Self {
        let verdict_counters = Some(verdict_counters);
        Self { setup: Arc::new(Setup { verdict_counters, ..(*self.setup).clone() }), ..self.clone() }
    }

    pub(super) async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let call = async {
            let context = operation::admitted(self.as_call(), &operation)?;
            operation.run(&context).await
        };
        deadline::call_async(call).await
    }

    /// Runs an operation of the table; answers in JSON.
    pub(super) async fn dispatch(
        &self,
        descriptor: &OperationDescriptor,
        request: Request<'_>,
    ) -> Result<String> {
        deadline::call_async(descriptor.call(self.as_call(), request)).await
    }

    /// What runs in it, for whoever runs the place and nobody else.
    pub(super) fn as_operator(&self) -> Result<Context<'_>> {
        self.as_call().admit(Access::Operator, None, TenantRef::None)
    }

    pub(super) fn check_ready(&self) -> Result<()> {
        deadline::call(|| {
            self.database().store().read_rows(|rows| rows.tenant(DEFAULT_TENANT))?;
            self.database().engine().take_unkeyed("ready", "", Limit::new(u32::MAX, 1)?)?;
            self.database().signers().check(self.keyring()?)
        })
    }

    pub(super) fn check_credential(&self) -> Result<()> {
        deadline::call(|| self.credential.root_key_now(self.database().engine()).map(drop))
    }

    pub(super) fn jwks(&self) -> Result<serde_json::Value> {
        deadline::call(|| self.database().signers().jwks(self.keyring()?))
    }

    pub(super) fn as_call(&self) -> Call<'_> {
        let Setup { database, settings, endpoints, verdict_counters } = &*self.setup;
        Call {
            database,
            settings,
            credential: &self.credential,
            client_address: self.client_address.as_deref(),
            endpoints,
            verdict_counters: verdict_counters.as_deref(),
            attribution: self.attribution.as_deref(),
            signup_is_closed: self.signup_is_closed,
        }
    }

    fn keyring(&self) -> Result<Keyring<'_>> {
        self.database().keyring(self.setup.settings.algorithm)
    }
}

fn of_setting(secret: Option<Secret>) -> Option<Secret> {
    secret.map(|secret| Secret::of_setting(secret.expose()))
}
