//! The HTTP server and the command line of Gatekeeper.

pub mod cli;
mod config;
pub mod http;
