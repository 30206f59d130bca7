//! What several operations of the document share.

use std::collections::BTreeSet;

use gatekeeper::{ErrorKind, JWKS_MAX_AGE_SECONDS};
use serde_json::{Map, Value, json};

use crate::http::{Http, RESPONSES, Response, example_of_rejection};

pub(super) fn components(http: &Http) -> Value {
    let mut schemas = http.schemas.clone();
    schemas.insert("Failure".to_owned(), failure());
    schemas.insert("KeyManagerFailure".to_owned(), key_manager_failure());
    let mut responses: Map<String, Value> =
        RESPONSES.iter().map(|each| (each.name.to_owned(), response(each))).collect();
    responses.extend(of_the_key_manager());
    json!({
        "schemas": schemas,
        "responses": responses,
        "headers": headers(),
        "securitySchemes": {
            "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "A user's access token, an API key, or a root key (`gkr_…`). An API key may stand in the header `X-API-Key` instead.",
            },
            "rootKey": {
                "type": "http", "scheme": "bearer",
                "description": "A root key (`gkr_…`): it acts for its one tenant.",
            },
        },
    })
}

fn failure() -> Value {
    let sent = ErrorKind::ALL.iter().filter(|kind| kind.status() != 0).map(|kind| kind.code());
    let codes: BTreeSet<&str> = sent.collect();
    json!({
        "type": "object",
        "description": "Why a call failed.",
        "properties": {
            "ok": { "const": false },
            "error": { "type": "string", "description": "What to change, for people." },
            "code": { "type": "string", "enum": codes, "description": "What to branch on." },
            "requestId": { "type": "string", "description": "The same as in `X-Request-Id`." },
            "details": details(),
        },
        "required": ["ok", "error", "code", "requestId"],
    })
}

/// What else there is to say of some failures.
fn details() -> Value {
    json!({
        "type": "object",
        "description": "What else there is to say.",
        "properties": {
            "quota": { "$ref": "#/components/schemas/QuotaCheck" },
            "rateLimit": {
                "type": "object",
                "description": "Which limit it was.",
                "properties": {
                    "name": { "type": "string", "description": "What it is called." },
                    "total": { "type": "integer", "description": "How many calls.", "minimum": 1 },
                    "windowSeconds": { "type": "integer", "description": "In how many seconds.", "minimum": 1 },
                },
                "required": ["name", "total", "windowSeconds"],
            },
        },
    })
}

fn key_manager_failure() -> Value {
    let mut names: Vec<&str> = ErrorKind::ALL.iter().filter_map(|kind| kind.key_manager()).collect();
    names.sort_unstable();
    names.dedup();
    json!({
        "type": "object",
        "description": "Why a call of the key manager failed.",
        "properties": {
            "success": { "const": false },
            "error": { "type": "string", "enum": names, "description": "What to branch on." },
            "reason": { "type": "string", "description": "What to change, for people." },
        },
        "required": ["success", "error", "reason"],
    })
}

/// A shared answer. All of them are one schema: what else is known of one stands in its description.
fn response(response: &Response) -> Value {
    let mut headers = json!({
        "X-Request-Id": { "$ref": "#/components/headers/RequestId" },
        "X-API-Version": { "$ref": "#/components/headers/ApiVersion" },
    });
    let mut documentation = format!("`code` is `{}`. {}", response.kind.code(), response.documentation);
    match response.kind {
        ErrorKind::RateLimited => {
            documentation.push_str(" `details.rateLimit` says which limit it was.");
            headers["Retry-After"] = json!({ "$ref": "#/components/headers/RetryAfter" });
            headers["RateLimit"] = json!({ "$ref": "#/components/headers/RateLimit" });
            headers["RateLimit-Policy"] = json!({ "$ref": "#/components/headers/RateLimitPolicy" });
        }
        ErrorKind::Unavailable => {
            headers["Retry-After"] = json!({ "$ref": "#/components/headers/RetryAfterIfKnown" });
        }
        _ => {}
    }
    let schema = json!({ "$ref": "#/components/schemas/Failure" });
    answered(&documentation, &headers, &schema, &example_of_rejection(response))
}

fn of_the_key_manager() -> [(String, Value); 2] {
    [
        (
            "KeyManagerBadRequest",
            "The body or the id is not good.",
            &["invalidBody", "invalidId"][..],
            "prefix is missing",
        ),
        (
            "KeyManagerUnauthorized",
            "The root key is missing, empty or wrong.",
            &["authorizationHeaderNotPresent", "apiTokenNotPresent", "invalidAPIToken"],
            "this call needs a root key",
        ),
    ]
    .map(|(name, documentation, errors, reason)| {
        let names: Vec<String> = errors.iter().map(|name| format!("`{name}`")).collect();
        let documentation = format!("{documentation} `error` is {}.", names.join(" or "));
        let schema = json!({ "$ref": "#/components/schemas/KeyManagerFailure" });
        let headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } });
        let example = json!({ "success": false, "error": errors.first(), "reason": reason });
        (name.to_owned(), answered(&documentation, &headers, &schema, &example))
    })
}

fn answered(documentation: &str, headers: &Value, schema: &Value, example: &Value) -> Value {
    json!({
        "description": documentation,
        "headers": headers,
        "content": { "application/json": { "schema": schema, "example": example } },
    })
}

fn headers() -> Value {
    let header = |documentation: &str, required: bool, schema: Value, example: Value| json!({ "description": documentation, "required": required, "schema": schema, "example": example });
    let seconds = || json!({ "type": "integer", "minimum": 0 });
    let kept = format!("public, max-age={JWKS_MAX_AGE_SECONDS}");
    json!({
        "RequestId": header(
            "The request's own id, where it sent one, or a new one.", true,
            json!({ "type": "string", "pattern": "^[!-~]{1,128}$" }), json!("req_01jdx0x3v0f7zsn8f4k3m9qz5r"),
        ),
        "ApiVersion": header("The version of the API.", true, json!({ "const": "v1" }), json!("v1")),
        "RetryAfter": header("Seconds to wait.", true, seconds(), json!(30)),
        "RetryAfterIfKnown": header("Seconds to wait, where that is known.", false, seconds(), json!(2)),
        "RateLimit": header(
            "What is left of the limit, and in how many seconds it changes.", false,
            json!({ "type": "string", "pattern": "^\".*\";r=0;t=[0-9]+$" }), json!("\"signup\";r=0;t=30"),
        ),
        "RateLimitPolicy": header(
            "The limit: how many calls in how many seconds.", false,
            json!({ "type": "string", "pattern": "^\".*\";q=[0-9]+;w=[0-9]+$" }), json!("\"signup\";q=20;w=60"),
        ),
        "CacheControl": header(
            "How long the keys may be kept.", true,
            json!({ "const": kept }), json!(kept),
        ),
    })
}
