//! Whether a call may do I/O.

/// Whether a call may wait for the store, or must return without a result instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Io {
    Allowed,
    Forbidden,
}
