//! The former names of the Rust API, which work in this version.

#![allow(deprecated, reason = "they are what is tested")]

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::TABLE;
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Callers, Decisions, Entry, GivenId, Remembering, Tier};

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

#[test]
fn requests_and_results_are_still_found_at_the_root_of_the_crate() {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let created: gatekeeper::CreatedKey = gatekeeper.call(gatekeeper::CreateKey::new("user")).unwrap();
    let validated: gatekeeper::keys::ValidatedApiKey =
        gatekeeper.call(gatekeeper::ValidateApiKey { key: created.api_key }).unwrap();
    let input = gatekeeper::UsageInput::new(validated.tenant_id, "inference", "completion");
    let event: gatekeeper::UsageEvent = gatekeeper.call(gatekeeper::RecordUsage(input)).unwrap();
    assert_eq!(event.quantity, 1);
    let root = gatekeeper.add_root_key(gatekeeper::RootKeyOf::DefaultTenant).unwrap();
    assert_eq!(root.tenant_id, validated.tenant_id);
}
