//! Keys: their format, and the validity of their records.

mod format;
mod placeholder;
mod record;
mod status;

pub(crate) use format::{Prefix, generate, generate_root, is_reserved, is_root, well_formed};
pub(crate) use placeholder::{is_placeholder, placeholder_digests};
pub(crate) use record::{CachedKey, Extra, LastUse, is_valid, valid_until};
pub use status::KeyStatus;
