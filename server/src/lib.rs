//! Gatekeeper over HTTP and on the command line.

pub mod http;
