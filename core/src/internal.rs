//! What the server, the bindings for Python and Node, and the generator need beyond the public interface. It is not stable:
//! it can change in every version.

pub use crate::authz::{Access, Attribution, Context, TenantRef, Throttle};
pub use crate::backend::{
    AnyBackend, CredentialCache, Pending, PendingVerification, Started, StartedVerification,
};
pub use crate::blocking::background::BackgroundTask;
pub use crate::client_address::{client_address, counted_address};
pub use crate::deadline::Deadline;
pub use crate::error::field_name;
pub use crate::guard::{PresentedCredential, Schemeless};
pub use crate::identity::JWKS_MAX_AGE_SECONDS;
pub use crate::offload::Lane;
pub use crate::operation::{Method, OperationDescriptor, Request, Route, Schema, TABLE, UnknownFields};
pub use crate::vectors::run_vector;
pub use crate::verify::{EndpointRef, VerdictCounters};
pub use crate::visible::{visible, visible_json};
pub use crate::whole::whole_number;
