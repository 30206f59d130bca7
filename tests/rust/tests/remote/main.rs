//! A place behind HTTP: what it answers, and what becomes of a call when the server or the network misbehaves.

#![allow(clippy::disallowed_methods, reason = "how long a call takes is what is tested")]

mod answers;
mod broken;
mod fake;
mod options;
mod retries;
#[path = "../serving/mod.rs"]
mod serving;
mod waiting;
