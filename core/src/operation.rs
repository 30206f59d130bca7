//! The operations. Each operation is a type and is declared exactly once.
//!
//! To add an operation, add its file and a line to the list in `operation/table.rs`.

pub mod audit;
pub mod auth;
mod begun;
pub(crate) mod decode;
mod expose_secret;
mod field;
pub mod key_manager;
pub mod keys;
mod lenient_id;
mod page;
pub mod permissions;
pub mod platform;
mod request;
mod route;
mod schema;
mod table;
pub mod tenants;
pub mod usage;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authz::{Access, Context, TenantRef, Throttle};
use crate::error::Result;

pub(crate) use audit::*;
pub(crate) use auth::*;
pub(crate) use begun::Begun;
use expose_secret::{ExposeOptionalSecret, ExposeSecret};
pub(crate) use key_manager::*;
pub(crate) use keys::*;
pub use page::Page;
pub(crate) use permissions::*;
pub(crate) use platform::*;
pub use request::{Request, UnknownFields};
pub use route::{Method, Route};
pub use schema::Schema;
pub(crate) use table::{BegunCall, begin, execute, find, named};
#[cfg(feature = "remote")]
pub(crate) use table::{Fields, fields_of};
pub use table::{OperationDescriptor, TABLE};
pub(crate) use tenants::*;
pub(crate) use usage::*;

/// A request that a caller can make: a flat struct of its fields, with the code that runs it.
///
/// Only types in the list of operations can implement it:
///
/// ```compile_fail
/// # use gatekeeper::{Operation, Result};
/// # use gatekeeper::internal::{Access, Context, Method, Route};
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Unlisted {}
/// impl Operation for Unlisted {
///     type Checked = Self;
///     type Output = ();
///     const NAME: &'static str = "unlisted";
///     const ROUTE: Route = Route::new(Method::Post, "/unlisted", 200);
///     const ACCESS: Access = Access::KeyManager;
///     fn check(self) -> Result<Self> { Ok(self) }
///     fn run(_: Self, _: &Context<'_>) -> Result<()> { Ok(()) }
/// }
/// ```
pub trait Operation: table::Sealed + Serialize + DeserializeOwned + Schema + Send + Sync + 'static {
    /// The request after [`check`](Self::check): its parts in the types that [`run`](Self::run) needs, so that nothing is
    /// parsed twice. `Self` if there is nothing to parse.
    type Checked: Send + 'static;
    /// The result of the operation.
    type Output: Serialize + DeserializeOwned + Schema + Send;
    /// Its name in the table, such as `tenants.create`.
    const NAME: &'static str;
    /// Its HTTP route.
    const ROUTE: Route;
    /// Who may call it.
    const ACCESS: Access;
    /// How often one client address may call it. Defaults to no limit.
    const THROTTLE: Option<Throttle> = None;
    /// Whether it looks up an API key of the request, which may be cached, so that [`begin`](Self::begin) may have a
    /// result. Defaults to no.
    const LOOKS_UP_KEY: bool = false;
    /// Whether it creates an account or a tenant, which a server can restrict to the operator. Defaults to no.
    const SIGNS_UP: bool = false;
    /// Whether it accepts an idempotency key, in the field `idempotencyKey` or the header `Idempotency-Key`. Defaults
    /// to no.
    const IDEMPOTENT: bool = false;
    /// The operation that returns the same text in pages of parts, each with a field `text`. A server streams these
    /// parts, so that it never holds the whole text. Defaults to none.
    const IN_PARTS: Option<&'static str> = None;
    /// The fields that are positional parameters in SDKs, in this order; all others are options. Defaults to none.
    const POSITIONAL: &'static [&'static str] = &[];

    /// Who may send this request. Defaults to [`ACCESS`](Self::ACCESS).
    fn access(&self) -> Access {
        Self::ACCESS
    }

    /// The tenant that the request concerns. Defaults to none.
    fn tenant(&self) -> TenantRef {
        TenantRef::None
    }

    /// Validates the request, regardless of its caller.
    ///
    /// # Errors
    /// `bad_request` that names the field.
    fn check(self) -> Result<Self::Checked>;

    /// Runs the operation for an authorized caller as far as it need not wait for the disk. By default, all of it waits.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    fn begin(checked: Self::Checked, _: &Context<'_>) -> Result<Begun<Self::Output>> {
        Ok(Begun::waits(move |context| Self::run(checked, context)))
    }

    /// Runs a valid request of an authorized caller. It may wait for the disk.
    ///
    /// # Errors
    /// As the operation documents.
    fn run(checked: Self::Checked, context: &Context<'_>) -> Result<Self::Output>;
}
