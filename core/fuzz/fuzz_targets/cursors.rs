//! Cursors: a list accepts the cursors that it returned, and no other text.
//!
//! An input is tried as a cursor; then each pair of its bytes changes one character of a real one.

#![no_main]

use std::sync::LazyLock;

use gatekeeper::audit::AuditQuery;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::tenants::{CreateTenant, ListTenants};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// A database with two tenants, and the cursor after the first.
static DATABASE: LazyLock<(Gatekeeper, String)> = LazyLock::new(|| {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    for name in ["first", "second"] {
        gatekeeper.call(CreateTenant { name: name.to_owned() }).unwrap();
    }
    let page = gatekeeper.call(ListTenants { limit: Some(1), cursor: None }).unwrap();
    (gatekeeper, page.next_cursor.unwrap())
});

fn is_accepted(gatekeeper: &Gatekeeper, cursor: &str) -> bool {
    let list = ListTenants { limit: Some(1), cursor: Some(cursor.to_owned()) };
    match gatekeeper.call(list) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.message(), "cursor must be an unmodified nextCursor of this list");
            false
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let (gatekeeper, cursor) = &*DATABASE;
    assert!(is_accepted(gatekeeper, cursor));
    let text = String::from_utf8_lossy(input);
    assert!(!is_accepted(gatekeeper, &text) || text == *cursor);

    let mut changed = cursor.clone().into_bytes();
    for pair in input.chunks_exact(2) {
        let at = usize::from(pair[0]) % changed.len();
        changed[at] = pair[1] & 0x7F;
    }
    let changed = String::from_utf8(changed).unwrap();
    assert_eq!(is_accepted(gatekeeper, &changed), changed == *cursor);

    // A cursor of one list is not one of another.
    let request = json!({ "limit": 1, "cursor": cursor }).to_string();
    let query: AuditQuery = serde_json::from_str(&request).unwrap();
    assert!(gatekeeper.call(query).is_err());
});
