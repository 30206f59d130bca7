//! Examples of requests and responses: a typical value for the name of a field, otherwise a value that its schema
//! allows. The same name has the same value everywhere, so that the response fits the request.

use serde_json::{Map, Value, json};

use super::schemas::name_of;
use super::{Http, Parameter};

const KEY: &str = "gk_live_7Vq3mRbT9xKcW2nZpL5sYdHfJg8E122eUF";
const TOKEN: &str = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfIn0.c2lnbmF0dXJl";

/// An example for `schema`. In a request, an optional field is left out unless its name has a typical value.
pub(crate) fn example_of(http: &Http, schema: &Value, is_request: bool) -> Value {
    Examples { http, is_request }.of("", "", schema)
}

/// An example for a parameter.
pub(crate) fn example_of_parameter(http: &Http, parameter: &Parameter) -> Value {
    let owner = if parameter.name == "limit" { "Page" } else { "" };
    Examples { http, is_request: true }.of(owner, &parameter.name, &parameter.schema)
}

struct Examples<'a> {
    http: &'a Http,
    is_request: bool,
}

impl Examples<'_> {
    /// An example for `field` of the type `owner`.
    fn of(&self, owner: &str, field: &str, schema: &Value) -> Value {
        let own = schema.get("$ref").and_then(Value::as_str).and_then(name_of).unwrap_or(owner);
        let schema = &merged(self.http, schema);
        if let Some(known) = by_name(owner, field).filter(|known| fits(self.http, schema, known)) {
            return known;
        }
        let first = |word: &str| schema.get(word).and_then(Value::as_array).and_then(|all| all.first());
        if let Some(value) = schema.get("default").filter(|value| !value.is_null()) {
            return value.clone();
        }
        if let Some(value) = schema.get("const").or_else(|| first("enum")) {
            return value.clone();
        }
        if let Some(either) = first("oneOf").or_else(|| first("anyOf")) {
            return self.of(owner, field, either);
        }
        match kinds(schema).first().copied() {
            Some("object") => self.object(own, schema),
            Some("array") => {
                schema.get("items").map_or_else(|| json!([]), |items| json!([self.of(owner, "", items)]))
            }
            Some("string") => text(schema),
            Some("integer") => {
                schema.get("minimum").filter(|min| min.as_i64() > Some(0)).cloned().unwrap_or(json!(1))
            }
            Some("number") => json!(1.0),
            Some("boolean") => json!(true),
            _ => Value::Null,
        }
    }

    fn object(&self, owner: &str, schema: &Value) -> Value {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut example = Map::new();
        for (field, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if required.contains(&&**field) || !self.is_request || is_typical(field) {
                example.insert(field.clone(), self.of(owner, field, schema));
            }
        }
        Value::Object(example)
    }
}

/// The schema with its reference resolved and its `allOf` merged.
fn merged(http: &Http, schema: &Value) -> Value {
    let mut words = http.resolved(schema).as_object().cloned().unwrap_or_default();
    for part in words.remove("allOf").as_ref().and_then(Value::as_array).into_iter().flatten() {
        let part = merged(http, part);
        for (word, value) in part.as_object().into_iter().flatten() {
            match (words.get_mut(word), value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
                (Some(Value::Array(known)), Value::Array(more)) => known.extend(more.clone()),
                _ => drop(words.insert(word.clone(), value.clone())),
            }
        }
    }
    // Keywords beside a reference also apply.
    let beside =
        schema.as_object().into_iter().flatten().filter(|(word, _)| !matches!(&***word, "$ref" | "allOf"));
    words.extend(beside.map(|(word, value)| (word.clone(), value.clone())));
    Value::Object(words)
}

/// Whether a request typically has this optional field.
fn is_typical(field: &str) -> bool {
    matches!(
        field,
        "name" | "scopes" | "roles" | "quantity" | "variables" | "ownerId" | "apiKeyId" | "graceSeconds"
    )
}

fn text(schema: &Value) -> Value {
    let prefix = schema.get("pattern").and_then(Value::as_str).and_then(|pattern| pattern.get(1..5));
    match prefix {
        Some(prefix) if prefix.ends_with('_') => json!(format!("{prefix}01jdx0x3v0f7zsn8f4k3m9qz5r")),
        _ => json!("text"),
    }
}

/// The JSON types that a schema allows.
pub(crate) fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether the schema allows the type of the value. An id is never replaced by another id.
fn fits(http: &Http, schema: &Value, value: &Value) -> bool {
    let schema = &merged(http, schema);
    let is_either = |word: &str| {
        let either = schema.get(word).and_then(Value::as_array);
        either.is_none_or(|either| either.iter().any(|each| fits(http, each, value)))
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_id = schema.get("pattern").and_then(Value::as_str).is_some_and(|pattern| pattern.contains("{25}"));
    let kinds = kinds(schema);
    let is_kind = kinds.is_empty() || kinds.contains(&kind);
    let is_same = schema.get("const").is_none_or(|only| only == value);
    let names = schema.get("enum").and_then(Value::as_array);
    let is_named = names.is_none_or(|names| names.contains(value));
    !is_id && is_kind && is_same && is_named && is_either("oneOf") && is_either("anyOf")
}

/// The typical value of a field with this name.
fn by_name(owner: &str, field: &str) -> Option<Value> {
    Some(match field {
        "name" if owner.contains("Tenant") => json!("Acme Inc"),
        "name" if matches!(owner, "Signup" | "User" | "Member") => json!("Founder"),
        "action" if owner.starts_with("Audit") => json!("invoice.paid"),
        "limit" if owner == "Page" => json!(50),
        "email" => json!("founder@example.com"),
        "password" | "currentPassword" => json!("hunter2pass"),
        "newPassword" => json!("correct horse battery"),
        "name" => json!("server-key"),
        "accessToken" | "token" => json!(TOKEN),
        "refreshToken" | "challengeToken" => json!("Zk3vJ8qT1xWm5nRb7cYpL2sHdFgKjE4uQaVt9oXiN0w"),
        "tokenType" => json!("Bearer"),
        "expiresIn" => json!(900),
        "key" | "apikey" | "apiKey" | "plainTextKey" => json!(KEY),
        "prefix" => json!("gk_live"),
        "digest" => json!("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        "endpoint" => json!("GET_TASKS"),
        "variables" => json!(["task_1"]),
        "ratelimits" => json!({
            "DEFAULT": { "maxReq": 10, "duration": 60_000 }, "PRO": { "maxReq": 1000, "duration": 60_000 },
        }),
        "definition" => json!({ "default": "10/minute", "roles": { "PRO": "1000/minute" } }),
        "clientAddress" => json!("192.0.2.1"),
        "scopes" => json!(["read", "write"]),
        "roles" => json!(["PRO"]),
        "role" => json!("PRO"),
        "ownerId" => json!("u_42"),
        "status" => json!("active"),
        "metadata" => json!({ "region": "eu" }),
        "quotaLimit" | "limit" | "total" => json!(1000),
        "remaining" => json!(999),
        "retryAfterMs" => json!(0),
        "windowMs" | "resetAfterMs" => json!(60_000),
        "reset" => json!(1_767_225_660),
        "service" => json!("inference"),
        "period" | "quotaPeriod" => json!("month"),
        "permission" => json!("keys:read"),
        "action" => json!("completion"),
        "used" | "quantity" | "totalUsage" | "eventCount" | "cost" | "count" => json!(1),
        "graceSeconds" => json!(3600),
        "actorType" => json!("user"),
        "actorId" => json!("usr_01jdx0x3v0f7zsn8f4k3m9qz5r"),
        "target" => json!("inv_42"),
        "source" => json!("203.0.113.9"),
        "kid" => json!("11qYAYKxCrfVS_7TyWQHOg"),
        "algorithm" => json!("EdDSA"),
        "createdAt" | "updatedAt" | "lastUsedAt" | "from" => json!(1_767_225_600_000_i64),
        "to" | "resetAt" => json!(1_769_904_000_000_i64),
        "emailVerified" => json!(false),
        "idempotencyKey" | "Idempotency-Key" => json!("order-42"),
        "expiresAt" | "nextCursor" | "suffix" => Value::Null,
        _ => return None,
    })
}
