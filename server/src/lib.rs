//! Gatekeeper over HTTP and on the command line.

pub mod cli;
mod config;
pub mod http;
