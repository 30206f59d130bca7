//! The table of operations: what a caller can ask for is a type, and each stands in one place.
//!
//! Adding an operation takes one file and one line of the list below.

mod decode;
mod given_id;
mod key_manager;
mod table;
mod wire;

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::{Access, Context};
use crate::error::Result;

pub(crate) use decode::decode;
pub use given_id::GivenId;
pub use key_manager::{
    AddRoles, CreateKey, CreatedKey, DeleteKey, DeletedKey, RemoveRoles, RolesChanged, RotateKey, RotatedKey,
    VerifyDecision, VerifyKey, VerifyOutput,
};
pub(crate) use table::find;
pub use table::{Entry, Method, Route, TABLE};

/// Something a caller can ask for: a flat struct with the fields of the request.
///
/// The type is in the one list of operations, or it is not an operation:
///
/// ```compile_fail
/// # use gatekeeper::{Access, Context, Method, Operation, Result, Route};
/// #[derive(serde::Deserialize)]
/// struct Unlisted {}
/// impl Operation for Unlisted {
///     type Output = ();
///     const NAME: &'static str = "unlisted";
///     const ROUTE: Route = Route::new(Method::Post, "/unlisted", 200);
///     const ACCESS: Access = Access::KeyManager;
///     async fn run(self, _: &Context<'_>) -> Result<()> { Ok(()) }
/// }
/// ```
pub trait Operation: table::Listed + DeserializeOwned + Send + 'static {
    /// What it answers.
    type Output: Serialize + Send;
    /// Its name in the table, such as `keyManager.createKey`.
    const NAME: &'static str;
    /// Its HTTP route.
    const ROUTE: Route;
    /// Who may call it.
    const ACCESS: Access;

    /// Does it, for a caller who was let in.
    fn run(self, context: &Context<'_>) -> impl Future<Output = Result<Self::Output>> + Send;
}
