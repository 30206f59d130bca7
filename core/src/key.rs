//! Keys: their format, and the validity of their records.

mod format;
mod placeholder;
mod record;
mod scope;
mod status;

pub(crate) use format::{Prefix, generate, generate_root, is_reserved, is_root, well_formed};
pub(crate) use placeholder::{is_placeholder, placeholder_digests};
pub(crate) use record::{CachedKey, Extra, LastUse, is_valid, valid_until};
#[cfg(feature = "schema")]
pub(crate) use scope::MAX_SCOPE_BYTES;
pub(crate) use scope::{check_required_scopes, check_scopes, covers};
pub use status::KeyStatus;
