//! Helpers for tests; see the binaries.
