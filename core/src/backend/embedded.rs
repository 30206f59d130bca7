//! The embedded backend: it runs operations in this process.

mod open_files;

use std::future::{Future, ready};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::options::{Options, manual_clock};
use super::{Backend, CredentialCache, Started, StartedVerification};
use crate::authz::{Access, Attribution, Call, Context, ImportRules, Settings, TenantRef, Throttles};
use crate::client_address::counted;
use crate::clock::Clock;
use crate::database::{Database, OpenDatabase};
use crate::deadline;
use crate::error::Result;
use crate::guard::PresentedCredential;
use crate::identity::{Keyring, SessionRules};
use crate::limit::Endpoints;
use crate::metering::Retention;
use crate::operation::{self, BegunCall, Operation, OperationDescriptor, Request};
use crate::secret::Secret;
use crate::store::DEFAULT_TENANT;
use crate::vault::Secrets;
use crate::verify::{
    CacheStats, CompiledEndpoints, Credential, EmbeddedVerifier, Presented, Step, VerdictCounters, validation,
};
use crate::window::Limit;

/// An embedded database, with the credential and the client address of its calls.
#[derive(Clone)]
pub(crate) struct Embedded {
    setup: Arc<Setup>,
    credential: Arc<Credential>,
    client_address: Option<Arc<str>>,
    attribution: Option<Arc<Attribution>>,
    signup_is_closed: bool,
}

/// A database and its settings. A file that is opened twice may be opened with other endpoints.
#[derive(Clone)]
struct Setup {
    database: OpenDatabase,
    settings: Arc<Settings>,
    endpoints: Arc<CompiledEndpoints>,
    /// Counters of verdicts, for a server.
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
            refresh_grace,
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
            refresh_grace,
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

    pub(crate) fn database(&self) -> &OpenDatabase {
        &self.setup.database
    }

    /// The context of what only the operator may call.
    ///
    /// # Errors
    /// `forbidden` for other callers.
    pub(crate) fn as_operator(&self) -> Result<Context<'_>> {
        self.as_call().admit(Access::Operator, None, TenantRef::None)
    }

    pub(super) fn operator(&self) -> Self {
        self.called_with(Credential::Operator)
    }

    fn called_with(&self, credential: impl Into<Arc<Credential>>) -> Self {
        Self { credential: credential.into(), ..self.clone() }
    }

    fn with_setup(&self, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = (*self.setup).clone();
        change(&mut setup);
        Self { setup: Arc::new(setup), ..self.clone() }
    }

    fn as_call(&self) -> Call<'_> {
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

    fn run<O: Operation>(&self, operation: O) -> Result<O::Output> {
        deadline::call(|| operation::execute(self.as_call(), operation))
    }

    fn started<T: Send + 'static>(&self, begun: BegunCall<T>) -> Started<T> {
        match begun {
            BegunCall::Done(output) => Started::Done(output),
            BegunCall::Waits(rest) => {
                let this = self.clone();
                Started::on_disk(move || deadline::call(|| rest(this.as_call())).map(Started::Done))
            }
        }
    }

    fn keyring(&self) -> Result<Keyring<'_>> {
        self.database().keyring(self.setup.settings.algorithm)
    }
}

impl Backend for Embedded {
    type Verifier = (EmbeddedVerifier, OpenDatabase);

    fn with_root_key(&self, root_key: &Secret) -> Self {
        self.called_with(Credential::root_key(root_key))
    }

    fn with_token(&self, token: &Secret) -> Self {
        self.called_with(Credential::bearer(token))
    }

    fn anonymous(&self) -> Self {
        self.called_with(Credential::Anonymous)
    }

    fn presenting(&self, credential: PresentedCredential<'_>, cache: &CredentialCache) -> Self {
        match credential {
            PresentedCredential::None => self.anonymous(),
            PresentedCredential::One(token) => self.called_with(cache.of(&Secret::new(token))),
            PresentedCredential::OtherScheme | PresentedCredential::Unreadable => {
                self.called_with(Credential::Malformed)
            }
            PresentedCredential::Different => self.called_with(Credential::Different),
        }
    }

    fn with_endpoints(&self, endpoints: Endpoints) -> Self {
        self.with_setup(|setup| setup.endpoints = Arc::new(CompiledEndpoints::new(endpoints)))
    }

    fn with_client_address(&self, client_address: &str) -> Self {
        Self { client_address: Some(counted(client_address).into()), ..self.clone() }
    }

    fn with_verdict_counters(&self, counters: Arc<VerdictCounters>) -> Self {
        self.with_setup(|setup| setup.verdict_counters = Some(counters))
    }

    fn with_attribution(&self, attribution: &Arc<Attribution>) -> Self {
        Self { attribution: Some(Arc::clone(attribution)), ..self.clone() }
    }

    fn with_closed_signup(&self) -> Self {
        Self { signup_is_closed: true, ..self.clone() }
    }

    fn embedded(&self, _: &str) -> Result<&Embedded> {
        Ok(self)
    }

    fn cache_stats(&self) -> CacheStats {
        self.database().engine().cache_stats()
    }

    fn other_tenants_rejected(&self) -> u64 {
        self.database().engine().other_tenants_rejected()
    }

    #[inline]
    fn has_warning(&self) -> bool {
        self.database().has_warning()
    }

    fn take_warning(&self) -> Option<String> {
        self.database().take_warning()
    }

    fn take_created(&self) -> Option<PathBuf> {
        self.database().store().take_created()
    }

    fn execute<O: Operation>(&self, operation: O) -> impl Future<Output = Result<O::Output>> + Send {
        ready(self.run(operation))
    }

    fn dispatch(
        &self,
        descriptor: &OperationDescriptor,
        request: Request<'_>,
    ) -> impl Future<Output = Result<String>> + Send {
        ready(deadline::call(|| descriptor.call(self.as_call(), request)))
    }

    fn start<O: Operation>(&self, operation: O) -> Result<Started<O::Output>> {
        if O::LOOKS_UP_KEY {
            return operation::begin(self.as_call(), operation).map(|begun| self.started(begun));
        }
        let this = self.clone();
        Ok(Started::on_disk(move || this.run(operation).map(Started::Done)))
    }

    fn start_dispatch(
        &self,
        descriptor: &'static OperationDescriptor,
        request: Request<'_>,
    ) -> Result<Started<String>> {
        descriptor.begin(self.as_call(), request).map(|begun| self.started(begun))
    }

    fn start_validation(&self, key: &str) -> Result<StartedVerification> {
        let need = match validation(Presented::Key(key)).begin(self.database().engine())? {
            Step::Done(verdict) => return Ok(Started::Done(verdict)),
            Step::Need(need) => need,
        };
        let (key, database) = (Secret::new(key), Arc::clone(self.database()));
        Ok(Started::on_disk(move || {
            let validation = validation(Presented::Key(key.expose()));
            let verdict = deadline::call(|| validation.supply_all(database.engine(), need, None));
            verdict.map(Started::Done)
        }))
    }

    fn verifier(&self, endpoints: Endpoints) -> Result<Self::Verifier> {
        let (engine, credential) = (Arc::clone(self.database().engine()), Arc::clone(&self.credential));
        let verifier = EmbeddedVerifier::new(engine, credential, endpoints);
        Ok((verifier, Arc::clone(self.database())))
    }

    fn jwks(&self) -> impl Future<Output = Result<Value>> + Send {
        ready(deadline::call(|| self.database().signers().jwks(self.keyring()?)))
    }

    fn check_credential(&self) -> impl Future<Output = Result<()>> + Send {
        ready(deadline::call(|| self.credential.authority(self.database().engine()).map(drop)))
    }

    fn check_ready(&self) -> impl Future<Output = Result<()>> + Send {
        ready(deadline::call(|| {
            self.database().store().read_rows(|rows| rows.tenant(DEFAULT_TENANT))?;
            self.database().engine().acquire_unkeyed("ready", "", Limit::new(u32::MAX, 1)?)?;
            self.database().signers().check(self.keyring()?)
        }))
    }
}

fn of_setting(secret: Option<Secret>) -> Option<Secret> {
    secret.map(|secret| Secret::of_setting(secret.expose()))
}
