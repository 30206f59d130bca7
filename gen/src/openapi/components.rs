//! The parts of the document that several operations share.

use std::collections::BTreeSet;

use gatekeeper::ErrorKind;
use gatekeeper::internal::JWKS_MAX_AGE_SECONDS;
use serde_json::{Map, Value, json};

use crate::http::{Http, RESPONSES, Response, example_of_rejection};

pub(super) fn components(http: &Http) -> Value {
    let mut schemas = http.schemas.clone();
    schemas.insert("Failure".to_owned(), failure());
    schemas.insert("KeyManagerFailure".to_owned(), key_manager_failure());
    let mut responses: Map<String, Value> =
        RESPONSES.iter().map(|each| (each.name.to_owned(), response(each))).collect();
    responses.extend(for_key_manager());
    json!({
        "schemas": schemas,
        "responses": responses,
        "headers": headers(),
        "securitySchemes": {
            "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "A user's access token, an API key, or a root key (`gkr_…`). An API key may be sent in the header `X-API-Key` instead.",
            },
            "rootKey": {
                "type": "http", "scheme": "bearer",
                "description": "A root key (`gkr_…`), which acts for its own tenant.",
            },
        },
    })
}

fn failure() -> Value {
    let sent = ErrorKind::ALL.iter().filter(|kind| kind.status() != 0).map(|kind| kind.code());
    let codes: BTreeSet<&str> = sent.collect();
    json!({
        "type": "object",
        "description": "An error.",
        "properties": {
            "ok": { "const": false },
            "error": { "type": "string", "description": "A message for people: what is wrong, and what to change." },
            "code": { "type": "string", "enum": codes, "description": "A stable code for programs." },
            "requestId": { "type": "string", "description": "The id of the request, as in `X-Request-Id`." },
            "details": details(),
        },
        "required": ["ok", "error", "code", "requestId"],
    })
}

/// The details of some errors.
fn details() -> Value {
    json!({
        "type": "object",
        "description": "Details of the error.",
        "properties": {
            "quota": { "$ref": "#/components/schemas/QuotaCheck" },
            "rateLimit": {
                "type": "object",
                "description": "The limit that was exceeded.",
                "properties": {
                    "name": { "type": "string", "description": "The name of the limit." },
                    "total": { "type": "integer", "description": "The maximum number of requests.", "minimum": 1 },
                    "windowSeconds": { "type": "integer", "description": "The length of the window in seconds.", "minimum": 1 },
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
        "description": "An error of the key manager.",
        "properties": {
            "success": { "const": false },
            "error": { "type": "string", "enum": names, "description": "A stable code for programs." },
            "reason": { "type": "string", "description": "A message for people: what is wrong, and what to change." },
        },
        "required": ["success", "error", "reason"],
    })
}

/// A shared error response. All of them have one schema; details are in the description.
fn response(response: &Response) -> Value {
    let mut headers = json!({
        "X-Request-Id": { "$ref": "#/components/headers/RequestId" },
        "X-API-Version": { "$ref": "#/components/headers/ApiVersion" },
    });
    let mut documentation = format!("`code` is `{}`. {}", response.kind.code(), response.documentation);
    match response.kind {
        ErrorKind::RateLimited => {
            documentation.push_str(" `details.rateLimit` says which limit was exceeded.");
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
    response_object(&documentation, &headers, &schema, &example_of_rejection(response))
}

fn for_key_manager() -> [(String, Value); 2] {
    [
        (
            "KeyManagerBadRequest",
            "The body or the id is invalid.",
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
        (name.to_owned(), response_object(&documentation, &headers, &schema, &example))
    })
}

fn response_object(documentation: &str, headers: &Value, schema: &Value, example: &Value) -> Value {
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
            "The id that the request sent, or a new one.", true,
            json!({ "type": "string", "pattern": "^[!-~]{1,128}$" }), json!("req_01jdx0x3v0f7zsn8f4k3m9qz5r"),
        ),
        "ApiVersion": header("The version of the API.", true, json!({ "const": "v1" }), json!("v1")),
        "RetryAfter": header("The number of seconds to wait.", true, seconds(), json!(30)),
        "RetryAfterIfKnown": header("The number of seconds to wait, if it is known.", false, seconds(), json!(2)),
        "RateLimit": header(
            "The remaining requests, and the number of seconds until more are available.", false,
            json!({ "type": "string", "pattern": "^\".*\";r=0;t=[0-9]+$" }), json!("\"signup\";r=0;t=30"),
        ),
        "RateLimitPolicy": header(
            "The limit: the number of requests and the window in seconds.", false,
            json!({ "type": "string", "pattern": "^\".*\";q=[0-9]+;w=[0-9]+$" }), json!("\"signup\";q=20;w=60"),
        ),
        "CacheControl": header(
            "How long the keys may be cached.", true,
            json!({ "const": kept }), json!(kept),
        ),
    })
}
