use serde::{Deserialize, Serialize};

use crate::authz::{Access, Action, Context, Event, not_found};
use crate::error::{ErrorKind, GatekeeperError, Result};
use crate::id::{KeyId, TenantId};
use crate::key;
use crate::operation::field::PageLimit;
use crate::operation::page::List;
#[cfg(feature = "schema")]
use crate::operation::schema::bounds;
use crate::operation::{ExposeSecret, Method, Operation, Page, Route};
use crate::secret::Secret;
use crate::store::{Failure, RootKeyRow, Tx};
use crate::whole::Range as _;

/// Creates a root key for a tenant. The holder of a root key may do everything in its tenant until the key is
/// revoked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRootKey {
    /// The tenant's id.
    pub tenant_id: TenantId,
}

/// Lists the active root keys of a tenant, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListRootKeys {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The maximum number of items: 1 to 100. Larger values count as 100, and 0 as 1. Defaults to 50.
    #[cfg_attr(feature = "schema", schemars(transform = bounds::whole::<PageLimit>))]
    #[serde(default, deserialize_with = "PageLimit::read")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the previous page. Defaults to the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Revokes a root key. The next call with it is rejected, in every process. The tenant and its keys are kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeRootKey {
    /// The root key's id.
    pub id: KeyId,
}

/// A root key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RootKey {
    /// The root key's id.
    pub id: KeyId,
    /// The tenant that the root key acts for.
    pub tenant_id: TenantId,
    /// When the root key was created, Unix milliseconds.
    pub created_at: i64,
}

/// A new root key and its secret.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreatedRootKey {
    /// The root key's id.
    pub id: KeyId,
    /// The tenant that the root key acts for.
    pub tenant_id: TenantId,
    /// The secret, `gkr_…`. It is not stored and cannot be shown again.
    #[serde(rename = "plainTextKey", with = "ExposeSecret")]
    pub key: Secret,
    /// When the root key was created, Unix milliseconds.
    pub created_at: i64,
}

impl CreatedRootKey {
    /// Creates a root key for a tenant, which must exist.
    pub(crate) fn add(context: &Context<'_>, tx: &mut Tx<'_>, tenant_id: TenantId) -> Result<Self, Failure> {
        let new = Self::new(context, tx, tenant_id)?;
        tx.add_root_key(new.id, tenant_id, &new.key.digest(), new.created_at)?;
        new.audited(context, tx)
    }

    /// Creates the first root key of a database.
    ///
    /// # Errors
    /// `conflict` if it already has one.
    pub(crate) fn add_first(
        context: &Context<'_>,
        tx: &mut Tx<'_>,
        tenant_id: TenantId,
    ) -> Result<Self, Failure> {
        let new = Self::new(context, tx, tenant_id)?;
        if !tx.add_first_root_key(new.id, tenant_id, &new.key.digest(), new.created_at)? {
            let message = "there is a root key already";
            return Err(GatekeeperError::new(ErrorKind::Conflict, message).into());
        }
        new.audited(context, tx)
    }

    fn new(context: &Context<'_>, tx: &Tx<'_>, tenant_id: TenantId) -> Result<Self, Failure> {
        if tx.tenant(tenant_id)?.is_none() {
            return Err(not_found().into());
        }
        let (id, key) = (KeyId::generate(context.clock())?, key::generate_root()?);
        Ok(Self { id, tenant_id, key, created_at: context.now() })
    }

    fn audited(self, context: &Context<'_>, tx: &Tx<'_>) -> Result<Self, Failure> {
        context.audit(tx, Event::new(Action::RootKeyCreated).of_tenant(self.tenant_id).about(&self.id))?;
        Ok(self)
    }
}

impl Operation for CreateRootKey {
    type Checked = Self;
    type Output = CreatedRootKey;
    const NAME: &'static str = "platform.createRootKey";
    const ROUTE: Route = Route::new(Method::Post, "/v1/platform/tenants/{tenantId}/root-keys", 201);
    const ACCESS: Access = Access::Operator;
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<CreatedRootKey> {
        context.write(|tx, context| CreatedRootKey::add(context, tx, request.tenant_id))
    }
}

impl Operation for ListRootKeys {
    type Checked = Self;
    type Output = Page<RootKey>;
    const NAME: &'static str = "platform.listRootKeys";
    const ROUTE: Route = Route::new(Method::Get, "/v1/platform/tenants/{tenantId}/root-keys", 200);
    const ACCESS: Access = Access::Operator;
    const POSITIONAL: &'static [&'static str] = &["tenantId"];

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<Page<RootKey>> {
        let tenant_id = request.tenant_id;
        let list = List::new(context, format!("root keys of {tenant_id}"), request.limit);
        let after = list.after(request.cursor.as_deref())?;
        let rows = context.read(|rows| {
            if rows.tenant(tenant_id)?.is_none() {
                return Err(not_found().into());
            }
            rows.root_keys(tenant_id, after, list.limit_and_one())
        })?;
        list.page(rows, |row| row.id, |RootKeyRow { id, created_at }| RootKey { id, tenant_id, created_at })
    }
}

impl Operation for RevokeRootKey {
    type Checked = Self;
    type Output = ();
    const NAME: &'static str = "platform.revokeRootKey";
    const ROUTE: Route = Route::new(Method::Delete, "/v1/platform/root-keys/{id}", 200);
    const ACCESS: Access = Access::Operator;
    const POSITIONAL: &'static [&'static str] = &["id"];

    fn check(self) -> Result<Self> {
        Ok(self)
    }

    fn run(request: Self, context: &Context<'_>) -> Result<()> {
        context.write(|tx, context| {
            let Some(tenant) = tx.remove_root_key(request.id)? else { return Err(not_found().into()) };
            context.audit(tx, Event::new(Action::RootKeyRevoked).of_tenant(tenant).about(&request.id))
        })
    }
}
