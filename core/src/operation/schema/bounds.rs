//! The bounds that the checks of a request's fields enforce, as JSON schema. JSON schema has no bound in bytes of
//! UTF-8: it is declared in characters, which never rejects a valid value, and exactly as `x-maxBytes`.

use schemars::Schema;
use serde_json::{Value, json};

use crate::authz::RESOURCES;
use crate::key::MAX_SCOPE_BYTES;
use crate::operation::field::{MAX_METADATA, MAX_TEXT, MAX_USAGE_NAME};
use crate::role;
use crate::verify::{MAX_VARIABLE_BYTES, MAX_VARIABLES};
use crate::whole::Range;
use crate::window::Limit;

/// Text without U+0000.
const NO_NUL: &str = r"^[^\x00]*$";
/// Text without U+0000 that is not blank. It lists Unicode's white space, because `\s` differs between regex
/// engines.
const NOT_BLANK: &str =
    r"[^\x00]*[^\x00\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\x00]*$";
/// Text without white space and control characters.
const SOLID: &str = r"^[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$";
/// A SHA-256 digest in hex or base64. The last base64 character of 32 bytes has two unused bits, which must be 0.
const DIGEST: &str =
    "^([0-9A-Fa-f]{64}|[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=?|[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=?)$";

/// A text that may be empty.
pub(crate) fn text(schema: &mut Schema) {
    say(schema, &bytes(MAX_TEXT, NO_NUL));
}

/// A text that must not be blank.
pub(crate) fn name(schema: &mut Schema) {
    say(schema, &word_of(MAX_TEXT, &format!("^{NOT_BLANK}")));
}

/// The action of an audit event that a user records.
pub(crate) fn action(schema: &mut Schema) {
    say(schema, &word_of(MAX_TEXT, &format!(r"^(?!({})\.){NOT_BLANK}", RESOURCES.join("|"))));
}

/// The name of a service or of an action.
pub(crate) fn word(schema: &mut Schema) {
    say(schema, &word_of(MAX_USAGE_NAME, NO_NUL));
}

/// A list of scopes. Duplicates count once, so JSON schema cannot bound the number of items.
pub(crate) fn scopes(schema: &mut Schema) {
    each(schema, &word_of(MAX_SCOPE_BYTES, SOLID));
}

/// A list of roles. Duplicates count once, as for scopes.
pub(crate) fn roles(schema: &mut Schema) {
    each(schema, &role());
}

/// Limits by role. Unknown fields of a limit are ignored.
pub(crate) fn ratelimits(schema: &mut Schema) {
    let limit = json!({
        "type": "object",
        "description": "A limit: at most maxReq requests in any window of duration milliseconds.",
        "properties": {
            "maxReq": { "type": "integer", "description": "The number of requests. Larger values count as 4294967295.", "minimum": 1 },
            "duration": {
                "type": "integer", "description": "The length of the window in milliseconds, at most 366 days.",
                "minimum": 1, "maximum": Limit::MAX_DURATION_MS,
            },
        },
        "required": ["maxReq", "duration"],
    });
    say(
        schema,
        &json!({
            "properties": { "DEFAULT": limit },
            "required": ["DEFAULT"],
            "propertyNames": role(),
            "additionalProperties": limit,
        }),
    );
}

/// An endpoint: its default limit, and limits by role.
pub(crate) fn definition(schema: &mut Schema) {
    let limit = json!({
        "description": "A limit, as an object or as text such as `10/minute`.",
        "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": {
                    "maxReq": { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                    "duration": { "type": "integer", "minimum": 1, "maximum": Limit::MAX_DURATION_MS },
                },
                "required": ["maxReq", "duration"],
                "additionalProperties": false,
            },
        ],
    });
    say(
        schema,
        &json!({
            "properties": {
                "default": limit,
                "roles": {
                    "type": ["object", "null"], "propertyNames": role(), "additionalProperties": limit,
                },
            },
            "required": ["default"],
            "additionalProperties": false,
        }),
    );
}

/// The variables of a limit: each distinct list is counted separately.
pub(crate) fn variables(schema: &mut Schema) {
    say(schema, &json!({ "maxItems": MAX_VARIABLES, "x-maxBytes": MAX_VARIABLE_BYTES }));
}

/// The prefix of a key that the key manager creates.
pub(crate) fn wide_prefix(schema: &mut Schema) {
    say(schema, &json!({ "pattern": "^(?!gk[pr](_|$))[A-Za-z0-9._~+-]{1,64}$" }));
}

/// The prefix of a key.
pub(crate) fn prefix(schema: &mut Schema) {
    let pattern = "^(?!gk[pr](_|$))[A-Za-z0-9]([A-Za-z0-9_-]{0,14}[A-Za-z0-9])?$";
    say(schema, &json!({ "pattern": pattern }));
}

/// The digest of an imported key.
pub(crate) fn digest(schema: &mut Schema) {
    say(schema, &json!({ "pattern": DIGEST }));
}

/// A metadata object, bounded by the bytes of its JSON.
pub(crate) fn metadata(schema: &mut Schema) {
    say(schema, &json!({ "propertyNames": { "pattern": NO_NUL }, "x-maxBytes": MAX_METADATA }));
}

/// An integer of this range. A range that clamps has no maximum: larger values are valid and count as the maximum.
pub(crate) fn whole<R: Range>(schema: &mut Schema) {
    say(schema, &json!({ "minimum": R::MIN }));
    if R::CLAMPS {
        schema.remove("format");
    } else {
        say(schema, &json!({ "maximum": R::MAX }));
    }
}

/// An e-mail address.
pub(crate) fn email(schema: &mut Schema) {
    say(schema, &json!({ "format": "email", "maxLength": 254 }));
}

/// A new password.
pub(crate) fn new_password(schema: &mut Schema) {
    say(schema, &json!({ "minLength": 8, "maxLength": 128 }));
}

/// A password to verify.
pub(crate) fn password(schema: &mut Schema) {
    say(schema, &json!({ "maxLength": 4096, "x-maxBytes": 4096 }));
}

/// A permission, as `resource:action`.
pub(crate) fn permission(schema: &mut Schema) {
    say(schema, &json!({ "pattern": "^[^:]+:[^:]+$" }));
}

fn role() -> Value {
    word_of(role::MAX_BYTES, NO_NUL)
}

fn bytes(most: usize, pattern: &str) -> Value {
    json!({ "maxLength": most, "x-maxBytes": most, "pattern": pattern })
}

fn word_of(most: usize, pattern: &str) -> Value {
    json!({ "minLength": 1, "maxLength": most, "x-maxBytes": most, "pattern": pattern })
}

/// Adds keywords to the schema of a list's items.
fn each(schema: &mut Schema, words: &Value) {
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        items.extend(words.as_object().cloned().unwrap_or_default());
    }
}

fn say(schema: &mut Schema, words: &Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema.extend(words.as_object().cloned().unwrap_or_default());
    }
}
