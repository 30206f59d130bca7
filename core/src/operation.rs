//! The table of operations: each operation is a type, which is declared exactly once.
//!
//! Adding an operation takes one file and one line of the list in `operation/table.rs`.

mod audit;
mod auth;
pub(crate) mod decode;
mod expose_secret;
mod field;
mod key_manager;
mod keys;
mod lenient_id;
mod objects;
mod page;
mod permissions;
mod platform;
mod request;
mod schema;
mod table;
mod tenants;
mod usage;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authz::{Access, Context, TenantRef, Throttle};
use crate::error::Result;

pub use audit::*;
pub use auth::*;
use expose_secret::{ExposeOptionalSecret, ExposeSecret};
pub use key_manager::{
    AddRoles, CreateKey, CreatedKey, DeleteKey, DeletedKey, RemoveRoles, RolesChanged, RotateKey, RotatedKey,
    VerifyDecision, VerifyKey, VerifyOutput,
};
pub use keys::*;
pub use lenient_id::LenientKeyId;
pub use page::Page;
pub use permissions::*;
pub use platform::*;
pub use request::{Request, UnknownFields};
pub use schema::Schema;
#[cfg(feature = "remote")]
pub(crate) use table::{Fields, fields_of};
pub use table::{Method, OperationDescriptor, Route, TABLE};
pub(crate) use table::{admitted, find, named, try_call};
pub use tenants::*;
pub use usage::*;

/// Something a caller can ask for: a flat struct with the fields of the request.
///
/// The type is in the one list of operations, or it is not an operation:
///
/// ```compile_fail
/// # use gatekeeper::{Access, Context, Method, Operation, Result, Route};
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Unlisted {}
/// impl Operation for Unlisted {
///     type Output = ();
///     const NAME: &'static str = "unlisted";
///     const ROUTE: Route = Route::new(Method::Post, "/unlisted", 200);
///     const ACCESS: Access = Access::KeyManager;
///     fn run(self, _: &Context<'_>) -> Result<()> { Ok(()) }
/// }
/// ```
pub trait Operation: table::Sealed + Serialize + DeserializeOwned + Schema + Send + Sync + 'static {
    /// What it answers.
    type Output: Serialize + DeserializeOwned + Schema + Send;
    /// Its name in the table, such as `tenants.create`.
    const NAME: &'static str;
    /// Its HTTP route.
    const ROUTE: Route;
    /// Who may call it.
    const ACCESS: Access;
    /// How often one source may call it. Defaults to as often as it likes.
    const THROTTLE: Option<Throttle> = None;
    /// Whether it looks up a key that the request shows: [`try_run`](Self::try_run) is asked first, since the key may
    /// be remembered. Defaults to no.
    const LOOKS_UP_KEY: bool = false;
    /// Whether it makes an account or a tenant, which a server may have closed to all but the operator. Defaults to no.
    const SIGNS_UP: bool = false;
    /// Whether it takes an idempotency key, in the field `idempotencyKey` or the header `Idempotency-Key`. Defaults to
    /// no.
    const IDEMPOTENT: bool = false;
    /// The operation that gives the same answer, a text, in pages of parts with a `text` each: a server sends it part
    /// by part and never holds all of it. Defaults to none.
    const IN_PARTS: Option<&'static str> = None;
    /// The fields that SDKs take by position, in this order; all others are options. Defaults to none.
    const POSITIONAL: &'static [&'static str] = &[];

    /// Who may send this request. Defaults to [`ACCESS`](Self::ACCESS).
    fn access(&self) -> Access {
        Self::ACCESS
    }

    /// The tenant it is about. Defaults to none.
    fn tenant(&self) -> TenantRef {
        TenantRef::None
    }

    /// Validates the request, regardless of its caller. Accepts every request by default.
    ///
    /// # Errors
    /// `bad_request` that names the field.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// What it answers, if that can be said without waiting for the disk. Defaults to nothing: [`run`](Self::run)
    /// waits.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    fn try_run(&self, _: &Context<'_>) -> Result<Option<Self::Output>> {
        Ok(None)
    }

    /// Runs it, for a caller that is authorized. It may wait for the disk.
    ///
    /// # Errors
    /// As the operation documents.
    fn run(self, context: &Context<'_>) -> Result<Self::Output>;
}
