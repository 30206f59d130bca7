//! The table of operations: the list of all types, and a descriptor of each.

use std::fmt;

use super::decode::decode;
use super::route::Route;
use super::{
    AddMember, AddRoles, AuditExport, AuditExportParts, AuditQuery, AuditRecord, Begun, Can, ChangePassword,
    CheckAndRecordUsage, CheckQuota, CreateApiKey, CreateKey, CreateRootKey, CreateTenant, DeleteKey,
    GetApiKey, GetTenant, ImportApiKeys, IssueKeyToken, ListApiKeys, ListMembers, ListPermissions,
    ListRootKeys, ListSessions, ListTenants, ListUsageEvents, Login, Logout, LogoutAll, Me, Operation,
    RecordUsage, Refresh, RemoveMember, RemoveRoles, RemoveTenant, Request, RevokeApiKey, RevokeRootKey,
    RevokeSession, RotateApiKey, RotateKey, RotateSigningKey, SetTenantQuota, Signup, SummarizeUsage,
    UpdateApiKey, UpdateMember, UpdateTenant, ValidateApiKey, VerifyApiKey, VerifyKey, VerifyUserKey,
};
use serde::Serialize;

use crate::authz::{Access, Call, Context, TenantRef};
use crate::error::{GatekeeperError, Result};

/// An operation with its type erased: it maps JSON to JSON.
pub struct OperationDescriptor {
    /// [`Operation::NAME`].
    pub name: &'static str,
    /// [`Operation::ROUTE`].
    pub route: Route,
    /// [`Operation::ACCESS`].
    pub access: Access,
    /// [`Operation::POSITIONAL`].
    pub positional: &'static [&'static str],
    /// [`Operation::LOOKS_UP_KEY`].
    pub looks_up_key: bool,
    /// [`Operation::SIGNS_UP`].
    pub signs_up: bool,
    /// [`Operation::IDEMPOTENT`].
    pub idempotent: bool,
    /// [`Operation::IN_PARTS`].
    pub in_parts: Option<&'static str>,
    call: fn(Call<'_>, Request<'_>) -> Result<String>,
    begin: fn(Call<'_>, Request<'_>) -> Result<BegunCall<String>>,
    #[cfg(feature = "remote")]
    fields: fn(Request<'_>) -> Result<Fields>,
    /// The JSON schemas of the request and of the response. The first generator is for types that are deserialized, the
    /// second for types that are serialized.
    #[cfg(feature = "schema")]
    pub schemas: fn(
        &mut schemars::SchemaGenerator,
        &mut schemars::SchemaGenerator,
    ) -> (schemars::Schema, schemars::Schema),
}

impl OperationDescriptor {
    const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            route: O::ROUTE,
            access: O::ACCESS,
            positional: O::POSITIONAL,
            looks_up_key: O::LOOKS_UP_KEY,
            signs_up: O::SIGNS_UP,
            idempotent: O::IDEMPOTENT,
            in_parts: O::IN_PARTS,
            call: run::<O>,
            begin: begin_json::<O>,
            #[cfg(feature = "remote")]
            fields: |request| fields_of(&decode::<O>(request)?),
            #[cfg(feature = "schema")]
            schemas: |read, written| (read.subschema_for::<O>(), written.subschema_for::<O::Output>()),
        }
    }

    /// Runs the operation and returns its result as JSON.
    pub(crate) fn call(&self, call: Call<'_>, request: Request<'_>) -> Result<String> {
        (self.call)(call, request)
    }

    /// [`call`](Self::call) as far as it need not wait for the disk.
    pub(crate) fn begin(&self, call: Call<'_>, request: Request<'_>) -> Result<BegunCall<String>> {
        (self.begin)(call, request)
    }
}

impl fmt::Debug for OperationDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationDescriptor")
            .field("name", &self.name)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// A call that has begun: it has a result, or the rest of it may wait for the disk.
pub(crate) enum BegunCall<T> {
    Done(T),
    Waits(Box<dyn FnOnce(Call<'_>) -> Result<T> + Send>),
}

impl<T: 'static> BegunCall<T> {
    fn waits(rest: impl FnOnce(Call<'_>) -> Result<T> + Send + 'static) -> Self {
        Self::Waits(Box::new(rest))
    }

    /// The same call with its result converted.
    fn map<U: 'static>(self, convert: fn(T) -> Result<U>) -> Result<BegunCall<U>> {
        match self {
            Self::Done(output) => convert(output).map(BegunCall::Done),
            Self::Waits(rest) => Ok(BegunCall::Waits(Box::new(move |call| convert(rest(call)?)))),
        }
    }
}

/// The fields of a request to a server, by name. They include secrets.
#[cfg(feature = "remote")]
pub(crate) type Fields = serde_json::Map<String, serde_json::Value>;

#[cfg(feature = "remote")]
impl OperationDescriptor {
    /// The fields of a request.
    ///
    /// # Errors
    /// `bad_request` if it is not a request of this operation.
    pub(crate) fn fields(&self, request: Request<'_>) -> Result<Fields> {
        (self.fields)(request)
    }
}

/// The fields of an operation.
#[cfg(feature = "remote")]
pub(crate) fn fields_of<O: Operation>(operation: &O) -> Result<Fields> {
    match serde_json::to_value(operation) {
        Ok(serde_json::Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(GatekeeperError::internal("an operation that does not serialize to an object")),
        Err(error) => Err(GatekeeperError::internal(error)),
    }
}

fn run<O: Operation>(call: Call<'_>, request: Request<'_>) -> Result<String> {
    let (checked, context) = if O::ACCESS == Access::KeyManager {
        // An invalid root key is reported before the request is validated.
        let context = call.admit(O::ACCESS, None, TenantRef::None)?;
        (decode::<O>(request)?.check()?, context)
    } else {
        admitted(call, decode::<O>(request)?)?
    };
    to_json(O::run(checked, &context)?)
}

fn begin_json<O: Operation>(call: Call<'_>, request: Request<'_>) -> Result<BegunCall<String>> {
    if O::ACCESS != Access::KeyManager {
        return begin(call, decode::<O>(request)?)?.map(to_json);
    }
    // As in `run`.
    if let Some(context) = call.admit_from_memory(O::ACCESS)? {
        return begin_admitted::<O>(decode::<O>(request)?.check()?, &context)?.map(to_json);
    }
    let request = request.into_owned();
    Ok(BegunCall::waits(move |call| run::<O>(call, request.borrow())))
}

/// Runs an operation as far as it need not wait for the disk.
pub(crate) fn begin<O: Operation>(call: Call<'_>, operation: O) -> Result<BegunCall<O::Output>> {
    if O::ACCESS == Access::KeyManager {
        // As in `run`.
        return match call.admit_from_memory(O::ACCESS)? {
            Some(context) => begin_admitted::<O>(operation.check()?, &context),
            None => Ok(BegunCall::waits(move |call| execute(call, operation))),
        };
    }
    let (access, tenant) = (operation.access(), operation.tenant());
    let checked = operation.check()?;
    match call.admit_from_memory(O::ACCESS)? {
        Some(context) => begin_admitted::<O>(checked, &context),
        None => Ok(BegunCall::waits(move |call| {
            let context = authorized::<O>(call, access, tenant)?;
            O::run(checked, &context)
        })),
    }
}

fn begin_admitted<O: Operation>(checked: O::Checked, context: &Context<'_>) -> Result<BegunCall<O::Output>> {
    let grant = context.grant();
    Ok(match O::begin(checked, context)? {
        Begun::Done(output) => BegunCall::Done(output),
        Begun::Waits(rest) => BegunCall::waits(move |call| rest(&Context::of(call, grant))),
    })
}

fn to_json<T: Serialize>(output: T) -> Result<String> {
    serde_json::to_string(&output).map_err(GatekeeperError::internal)
}

/// Runs an operation. It may wait for the disk.
pub(crate) fn execute<O: Operation>(call: Call<'_>, operation: O) -> Result<O::Output> {
    let (checked, context) = admitted(call, operation)?;
    O::run(checked, &context)
}

/// Checks the request and authorizes its caller. For the key manager, the other way round.
fn admitted<O: Operation>(call: Call<'_>, operation: O) -> Result<(O::Checked, Context<'_>)> {
    let (access, tenant) = (operation.access(), operation.tenant());
    if O::ACCESS == Access::KeyManager {
        let context = authorized::<O>(call, access, tenant)?;
        return Ok((operation.check()?, context));
    }
    let checked = operation.check()?;
    Ok((checked, authorized::<O>(call, access, tenant)?))
}

/// Authorizes the caller of a request.
fn authorized<O: Operation>(call: Call<'_>, access: Access, tenant: TenantRef) -> Result<Context<'_>> {
    let context = call.admit(access, O::THROTTLE, tenant)?;
    if O::SIGNS_UP {
        context.check_signup()?;
    }
    Ok(context)
}

/// Marks the operations in the list, so that no other type can implement [`Operation`].
pub trait Sealed {}

macro_rules! operations {
    ($($operation:ty),* $(,)?) => {
        $(impl Sealed for $operation {})*

        /// Every operation, in the order of the list.
        pub const TABLE: &[OperationDescriptor] = &[$(OperationDescriptor::of::<$operation>()),*];
    };
}

operations![
    CreateKey,
    DeleteKey,
    RotateKey,
    AddRoles,
    RemoveRoles,
    VerifyKey,
    VerifyUserKey,
    Signup,
    Login,
    Refresh,
    Logout,
    LogoutAll,
    Me,
    ChangePassword,
    ListSessions,
    RevokeSession,
    CreateTenant,
    ListTenants,
    GetTenant,
    UpdateTenant,
    RemoveTenant,
    AddMember,
    ListMembers,
    UpdateMember,
    RemoveMember,
    CreateApiKey,
    ListApiKeys,
    GetApiKey,
    UpdateApiKey,
    RevokeApiKey,
    RotateApiKey,
    ValidateApiKey,
    VerifyApiKey,
    IssueKeyToken,
    ImportApiKeys,
    Can,
    ListPermissions,
    AuditQuery,
    AuditExport,
    AuditExportParts,
    AuditRecord,
    RecordUsage,
    CheckQuota,
    CheckAndRecordUsage,
    SummarizeUsage,
    ListUsageEvents,
    SetTenantQuota,
    RotateSigningKey,
    CreateRootKey,
    ListRootKeys,
    RevokeRootKey,
];

/// The operation with this name, if there is one.
pub(crate) fn find(name: &str) -> Option<&'static OperationDescriptor> {
    TABLE.iter().find(|descriptor| descriptor.name == name)
}

/// The operation with this name.
///
/// # Errors
/// `bad_request` if there is none.
pub(crate) fn named(name: &str) -> Result<&'static OperationDescriptor> {
    find(name).ok_or_else(|| GatekeeperError::bad_request("no operation has this name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Started;

    #[test]
    fn no_two_operations_share_a_name_or_a_route() {
        for (index, descriptor) in TABLE.iter().enumerate() {
            for other in &TABLE[..index] {
                assert_ne!(descriptor.name, other.name);
                assert!(
                    (descriptor.route.method, descriptor.route.path)
                        != (other.route.method, other.route.path)
                );
            }
        }
    }

    #[test]
    fn a_call_that_has_begun_has_the_result_of_the_blocking_call() {
        let endpoints = r#"{"GET": {"default": {"maxReq": 2, "duration": 60000}}}"#;
        let options = crate::Options {
            endpoints: crate::Endpoints::from_json(endpoints).unwrap(),
            clock: crate::Clock::Manual(crate::ManualClock::new()),
            ..crate::Options::default()
        };
        let database = crate::blocking::Gatekeeper::open_with("memory:", options).unwrap();
        let root = database.create_root_key("Acme Inc").unwrap().key;
        let (acme, credentials) = (database.with_root_key(&root), crate::backend::CredentialCache::new(10));
        let key = acme.call(CreateKey::new("user")).unwrap().api_key;
        let descriptor = find("keys.verify").unwrap();
        let request = format!(r#"{{"key": "{}", "endpoint": "GET"}}"#, key.expose());
        let credential = crate::guard::PresentedCredential::One(root.expose());
        let handle = || database.presenting(credential, &credentials);
        let from_memory = || handle().start_dispatch(descriptor, Request::from(request.as_str())).unwrap();
        let blocking = || handle().dispatch(descriptor, Request::from(request.as_str())).unwrap();
        // Neither the credential nor the key is cached yet. What has begun goes on with what is known.
        let Started::Pending(rest) = from_memory() else { panic!("nothing is cached") };
        let mut results = vec![crate::blocking::wait(rest.finish()).unwrap()];
        for _ in 0..2 {
            let Started::Done(result) = from_memory() else { panic!("everything is cached") };
            results.push(result);
        }
        assert!(results[0].contains(r#""remaining":1"#), "{}", results[0]);
        assert!(results[1].contains(r#""remaining":0"#) && results[1].contains(r#""code":"valid""#));
        assert!(results[2].contains(r#""code":"rate_limited""#));
        assert_eq!(results[2], blocking());
        // An invalid token is rejected by the rest of the call.
        let anonymous = database.anonymous().start_dispatch(descriptor, Request::from(request.as_str()));
        assert_eq!(anonymous.unwrap_err().status(), 401);
        let stranger = database.with_token(&crate::Secret::new("a token"));
        let begun = stranger.start_dispatch(descriptor, Request::from(request.as_str())).unwrap();
        let Started::Pending(rest) = begun else { panic!("a token is looked up") };
        assert_eq!(crate::blocking::wait(rest.finish()).unwrap_err().status(), 401);
    }
}
