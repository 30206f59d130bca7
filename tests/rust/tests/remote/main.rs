//! A remote server: its results, and the outcome of a call if the server or the network misbehaves.

#![allow(clippy::disallowed_methods, reason = "the tests measure the duration of calls")]

mod answers;
mod broken;
mod fake;
mod options;
mod retries;
#[path = "../serving/mod.rs"]
mod serving;
mod waiting;
