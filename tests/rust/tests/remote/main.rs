//! A place behind HTTP: what it answers, and what becomes of a call when the server or the network misbehaves.

mod answers;
mod broken;
mod fake;
mod options;
mod retries;
#[path = "../serving/mod.rs"]
mod serving;
mod waiting;
