//! What the document says of itself.

use serde_json::{Value, json};

pub(super) fn info() -> Value {
    json!({
        "title": "Gatekeeper",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "API keys, rate limits by role, accounts, tenants and metered usage.",
        "description": RULES,
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    })
}

/// What holds for every call.
pub(crate) const RULES: &str = "\
Every call under `/v1` answers `{ok: true, data}`, or `{ok: false, error, code, requestId}` with `details` where there \
are any. Branch on `code`; `error` is for people and says what to change.

Names are camelCase. Times are integer Unix milliseconds, except `reset` (Unix seconds) and what is named `…Seconds` or \
`expiresIn` (seconds). Counts stay below 2⁵³. What is absent is `null`, not missing. Text is UTF-8 without U+0000; a \
bound in bytes is said as `x-maxBytes`, of metadata in bytes of its JSON, of variables of all of them together.

A request is checked in this order: its fields (400), the throttle of its client address (429), the credential (401), the \
tenant (404), the permission (403), the quota (402). An unknown field, and one that is given twice, is rejected; the \
key manager's calls ignore unknown fields. A route that takes a body takes no query. A path that is not there is 404, a method that a path does not have is 405 with `Allow`.

Lists come in pages: `{items, nextCursor}`. Give `nextCursor` as `cursor` for the next page; it is null after the last.

Every answer has `X-Request-Id`: the request's own, where it sent one of 1 to 128 visible ASCII characters, or a new \
one. Quote it when you report a problem.";
