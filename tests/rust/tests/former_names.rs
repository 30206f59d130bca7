//! The former names of the Rust API, which work in this version.

#![allow(deprecated, reason = "they are what is tested")]

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Callers, CreateKey, Decisions, Entry, GivenId, Remembering, TABLE, Tier};

#[test]
fn former_names_of_types_are_the_types_of_today() {
    let first: &Entry = &TABLE[0];
    assert_eq!(first.name, "keyManager.createKey");
    let stats: Remembering = Gatekeeper::open("memory:").unwrap().remembering();
    assert_eq!((stats.keys, stats.unknown_keys), (0, 0));
    let (_, _, _): (Callers, Decisions, Option<(GivenId, Tier)>) =
        (Callers::new(1), Decisions::default(), None);
}

#[test]
fn former_names_of_methods_do_what_their_successors_do() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap().from_source("192.0.2.1");
    assert!(gatekeeper.asynchronous().call_blocking(CreateKey::new("user")).is_ok());
}
