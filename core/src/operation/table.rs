//! The list, and what it makes of each operation.

use std::future::Future;
use std::pin::Pin;

use super::decode::decode;
use super::{
    AddMember, AddRoles, AuditExport, AuditQuery, AuditRecord, Can, ChangePassword, CheckAndRecordUsage,
    CheckQuota, CreateApiKey, CreateKey, CreateTenant, DeleteKey, GetApiKey, GetTenant, ImportApiKeys,
    IssueKeyToken, ListApiKeys, ListMembers, ListPermissions, ListSessions, ListTenants, ListUsageEvents,
    Login, Logout, LogoutAll, Me, Operation, RecordUsage, Refresh, RemoveMember, RemoveRoles, RemoveTenant,
    Request, RevokeApiKey, RevokeSession, RotateApiKey, RotateKey, RotateSigningKey, SetTenantQuota, Signup,
    SummarizeUsage, UpdateApiKey, UpdateMember, UpdateTenant, ValidateApiKey, VerifyApiKey, VerifyKey,
};
use crate::access::{Access, Call, Context, TenantRef};
use crate::error::{GatekeeperError, Result};

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PATCH`.
    Patch,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

/// Where an operation is found over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for a field of the request.
    pub path: &'static str,
    /// The status of success.
    pub status: u16,
}

impl Route {
    /// A route.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, status: u16) -> Self {
        Self { method, path, status }
    }
}

/// An operation without its type: JSON in, JSON out.
pub struct Entry {
    /// [`Operation::NAME`].
    pub name: &'static str,
    /// [`Operation::ROUTE`].
    pub route: Route,
    /// [`Operation::ACCESS`].
    pub access: Access,
    /// [`Operation::POSITIONAL`].
    pub positional: &'static [&'static str],
    call: for<'a> fn(Call<'a>, Request<'a>) -> Answer<'a>,
    /// The JSON schemas of the request and of the answer; the first generator describes what is read, the second what
    /// is written.
    #[cfg(feature = "schema")]
    pub schemas: fn(
        &mut schemars::SchemaGenerator,
        &mut schemars::SchemaGenerator,
    ) -> (schemars::Schema, schemars::Schema),
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<String>> + Send + 'a>>;

impl Entry {
    const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            route: O::ROUTE,
            access: O::ACCESS,
            positional: O::POSITIONAL,
            call: |call, request| Box::pin(run::<O>(call, request)),
            #[cfg(feature = "schema")]
            schemas: |read, written| (read.subschema_for::<O>(), written.subschema_for::<O::Output>()),
        }
    }

    /// Runs the operation; answers in JSON.
    pub(crate) async fn call(&self, call: Call<'_>, request: Request<'_>) -> Result<String> {
        (self.call)(call, request).await
    }
}

async fn run<O: Operation>(call: Call<'_>, request: Request<'_>) -> Result<String> {
    let (operation, context): (O, _) = if O::ACCESS == Access::KeyManager {
        // A wrong root key is said before a word on the request.
        let context = call.admit(O::ACCESS, None, TenantRef::None)?;
        (decode(request)?, context)
    } else {
        let operation = decode(request)?;
        let context = admitted(call, &operation)?;
        (operation, context)
    };
    let output = operation.run(&context).await?;
    serde_json::to_string(&output).map_err(GatekeeperError::internal)
}

/// Lets the caller in to this operation, or says why not.
pub(crate) fn admitted<'a, O: Operation>(call: Call<'a>, operation: &O) -> Result<Context<'a>> {
    operation.check()?;
    call.admit(O::ACCESS, O::TIER, operation.tenant())
}

/// Marks what is in the list.
pub trait Listed {}

macro_rules! operations {
    ($($operation:ty),* $(,)?) => {
        $(impl Listed for $operation {})*

        /// Every operation, in the order of the list.
        pub const TABLE: &[Entry] = &[$(Entry::of::<$operation>()),*];
    };
}

operations![
    CreateKey,
    DeleteKey,
    RotateKey,
    AddRoles,
    RemoveRoles,
    VerifyKey,
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
    AuditRecord,
    RecordUsage,
    CheckQuota,
    CheckAndRecordUsage,
    SummarizeUsage,
    ListUsageEvents,
    SetTenantQuota,
    RotateSigningKey,
];

/// The operation of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_operations_share_a_name_or_a_route() {
        for (index, entry) in TABLE.iter().enumerate() {
            for other in &TABLE[..index] {
                assert_ne!(entry.name, other.name);
                assert!((entry.route.method, entry.route.path) != (other.route.method, other.route.path));
            }
        }
    }
}
