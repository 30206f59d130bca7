//! The `info` of the document.

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

/// The rules that apply to every call.
pub(crate) const RULES: &str = "\
Every call under `/v1` returns `{ok: true, data}` or `{ok: false, error, code, requestId}`, in some cases with \
`details`. Programs branch on `code`; `error` is a message for people.

Names are camelCase. Times are integer Unix milliseconds, except `reset` (Unix seconds), `expiresIn` and fields named \
`…Seconds` (seconds). Counts are below 2⁵³. An absent value is `null`; its field is present. Text is UTF-8 without \
U+0000. A bound in bytes is given as `x-maxBytes`: for metadata it applies to the JSON text, for variables to all of \
them together.

A request is checked in this order: its fields (400), the throttle of its client address (429), the credential (401), the \
tenant (404), the permission (403), the quota (402). A field that is unknown or given twice is rejected, except that the \
key manager's calls ignore unknown fields. A route that accepts a body rejects a query. An unknown path returns 404, and \
an unsupported method returns 405 with `Allow`.

A list is returned in pages: `{items, nextCursor}`. Pass `nextCursor` as `cursor` to get the next page; it is null on the \
last page.

Every response has `X-Request-Id`: the id that the request sent, if it is 1 to 128 visible ASCII characters, otherwise a \
new one. Include it when you report a problem.";
