//! The Rust examples of `docs/`, as doctests. Those of the README are doctests of the crate itself.

#[doc = include_str!("../../../docs/key-manager.md")]
struct KeyManager;

#[doc = include_str!("../../../docs/testing.md")]
struct Testing;
