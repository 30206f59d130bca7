//! What the checks of a request's fields come to, as JSON schema says it. A bound in bytes of UTF-8 is one that JSON schema
//! does not have: it is said in characters, which is never less, and as `x-maxBytes`.

use schemars::Schema;
use serde_json::{Value, json};

use crate::authz::{MAX_SCOPE_BYTES, RESOURCES};
use crate::operation::field::{MAX_METADATA, MAX_TEXT};
use crate::operation::usage::MAX_NAME;
use crate::role;
use crate::verify::{MAX_VARIABLE_BYTES, MAX_VARIABLES};
use crate::whole::Range;
use crate::window::Limit;

/// Without U+0000.
const NO_NUL: &str = r"^[^\x00]*$";
/// The same, and not of white space alone: all that Unicode calls so, which not every engine's `\s` is.
const NOT_BLANK: &str =
    r"[^\x00]*[^\x00\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\x00]*$";
/// Without white space and control characters.
const SOLID: &str = r"^[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$";
/// The last character of 32 bytes in base64 has two bits to spare, which are 0.
const DIGEST: &str =
    "^([0-9A-Fa-f]{64}|[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=?|[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=?)$";

/// Text, which may be empty.
pub(crate) fn text(schema: &mut Schema) {
    say(schema, &bytes(MAX_TEXT, NO_NUL));
}

/// Text that is there.
pub(crate) fn name(schema: &mut Schema) {
    say(schema, &word_of(MAX_TEXT, &format!("^{NOT_BLANK}")));
}

/// What an event of a user's own is called.
pub(crate) fn action(schema: &mut Schema) {
    say(schema, &word_of(MAX_TEXT, &format!(r"^(?!({})\.){NOT_BLANK}", RESOURCES.join("|"))));
}

/// The name of a service, or of what is done with it.
pub(crate) fn word(schema: &mut Schema) {
    say(schema, &word_of(MAX_NAME, NO_NUL));
}

/// Scopes: repetitions of one count once, so that JSON schema cannot say how many there may be.
pub(crate) fn scopes(schema: &mut Schema) {
    each(schema, &word_of(MAX_SCOPE_BYTES, SOLID));
}

/// Roles, likewise.
pub(crate) fn roles(schema: &mut Schema) {
    each(schema, &role());
}

/// Limits by role. What is not known of one is ignored.
pub(crate) fn ratelimits(schema: &mut Schema) {
    let limit = json!({
        "type": "object",
        "description": "A limit: so many in any window of so many milliseconds.",
        "properties": {
            "maxReq": { "type": "integer", "description": "How many; more than 4294967295 count as that.", "minimum": 1 },
            "duration": {
                "type": "integer", "description": "In how many milliseconds: at most 366 days.",
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

/// Of what a limit is counted apart.
pub(crate) fn variables(schema: &mut Schema) {
    say(schema, &json!({ "maxItems": MAX_VARIABLES, "x-maxBytes": MAX_VARIABLE_BYTES }));
}

/// What a key of the key manager begins with.
pub(crate) fn wide_prefix(schema: &mut Schema) {
    say(schema, &json!({ "pattern": "^(?!gk[pr](_|$))[A-Za-z0-9._~+-]{1,64}$" }));
}

/// What a key begins with.
pub(crate) fn prefix(schema: &mut Schema) {
    let pattern = "^(?!gk[pr](_|$))[A-Za-z0-9]([A-Za-z0-9_-]{0,14}[A-Za-z0-9])?$";
    say(schema, &json!({ "pattern": pattern }));
}

/// A digest of another product's key.
pub(crate) fn digest(schema: &mut Schema) {
    say(schema, &json!({ "pattern": DIGEST }));
}

/// Any object: in bytes of its JSON.
pub(crate) fn metadata(schema: &mut Schema) {
    say(schema, &json!({ "propertyNames": { "pattern": NO_NUL }, "x-maxBytes": MAX_METADATA }));
}

/// A whole number of this range; one that a larger number counts as is no bound.
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

/// A password to be judged.
pub(crate) fn password(schema: &mut Schema) {
    say(schema, &json!({ "maxLength": 4096, "x-maxBytes": 4096 }));
}

/// `resource:action`.
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

/// Says it of the items of a list.
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
