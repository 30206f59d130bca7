//! The routes that are not operations of the table.

use serde_json::{Value, json};

use super::{Answer, Call, Callers, Group, Shape, rejections};

/// The routes for operators, gateways and verifiers of tokens.
pub(super) fn system() -> Group {
    let jwks = "The public keys that verify access tokens and key tokens, as a JWK Set (RFC 7517). Cache it for as long as \
                `Cache-Control` allows, and fetch it again when a token has a `kid` that is not in it.";
    let calls = vec![
        call("health", "/health", "Whether the process is running. Does not use the database.", healthy()),
        call(
            "ready",
            "/ready",
            "Whether the server is ready: the database and the counters are usable, the signing keys can be decrypted, \
             and a signature verifies. Use it for a load balancer, and `/health` for a supervisor that restarts the process.",
            Shape::Json(
                json!({ "type": "object", "properties": { "ok": { "const": true } }, "required": ["ok"] }),
                json!({ "ok": true }),
            ),
        ),
        call(
            "metrics",
            "/metrics",
            "Counters and latencies, in the text format of Prometheus.",
            Shape::Text("text/plain", METRICS),
        ),
        call("jwks", "/.well-known/jwks.json", jwks, key_set()),
        call(
            "jwksOfV1",
            "/v1/.well-known/jwks.json",
            &format!("The same key set, under `/v1`. {jwks}"),
            key_set(),
        ),
        call(
            "openapi",
            "/openapi.json",
            "This document, for the version of the server.",
            Shape::Json(
                json!({
                    "type": "object",
                    "properties": {
                        "openapi": { "type": "string", "pattern": r"^3\.1\.[0-9]+$" },
                        "info": { "type": "object" },
                        "paths": { "type": "object" },
                    },
                    "required": ["openapi", "info", "paths"],
                }),
                json!({ "openapi": "3.1.1", "info": { "title": "Gatekeeper", "version": "0.1.0" }, "paths": {} }),
            ),
        ),
        call(
            "docs",
            "/docs",
            "This API as a readable page. It loads no other resource.",
            Shape::Text("text/html", "<!doctype html>"),
        ),
    ];
    Group { name: "system", documentation: "Routes for operators and for verifiers of tokens.", calls }
}

const METRICS: &str = "gatekeeper_decisions_total{outcome=\"valid\"} 42\n";

fn healthy() -> Shape {
    let schema = json!({
        "type": "object",
        "properties": { "ok": { "const": true }, "service": { "const": "gatekeeper" } },
        "required": ["ok", "service"],
    });
    Shape::Json(schema, json!({ "ok": true, "service": "gatekeeper" }))
}

fn key_set() -> Shape {
    let text = |documentation: &str| json!({ "type": "string", "description": documentation });
    let schema = json!({
        "type": "object",
        "properties": { "keys": { "type": "array", "description": "The keys, the newest first.", "items": {
            "type": "object",
            "description": "A public key: `x` for the type `OKP`, `n` and `e` for the type `RSA`.",
            "properties": {
                "kid": text("The key id, which the header of a token contains."),
                "kty": { "enum": ["OKP", "RSA"], "description": "The key type." },
                "alg": { "enum": ["EdDSA", "RS256"], "description": "The signature algorithm." },
                "use": { "const": "sig", "description": "The key is for signatures." },
                "crv": { "const": "Ed25519", "description": "The curve of an `OKP` key." },
                "x": text("Base64url."),
                "n": text("Base64url."),
                "e": text("Base64url."),
            },
            "required": ["kid", "kty", "alg", "use"],
        } } },
        "required": ["keys"],
    });
    let example = json!({ "keys": [{
        "kid": "11qYAYKxCrfVS_7TyWQHOg", "kty": "OKP", "alg": "EdDSA", "use": "sig", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }] });
    Shape::Json(schema, example)
}

fn call(name: &'static str, path: &'static str, documentation: &str, shape: Shape) -> Call {
    // A route that returns fixed text cannot fail.
    let statuses: &[u16] = if matches!(name, "health" | "openapi" | "docs") { &[] } else { &[500, 503] };
    Call {
        name,
        method: "GET".to_owned(),
        path,
        documentation: documentation.to_owned(),
        callers: Callers::Anyone,
        parameters: Vec::new(),
        body: None,
        status: 200,
        answer: Answer { documentation: success_documentation(&shape).to_owned(), shape },
        rejections: statuses.iter().copied().filter_map(rejections::shared).collect(),
    }
}

fn success_documentation(shape: &Shape) -> &'static str {
    match shape {
        Shape::Json(Value::Object(_), _) => "A JSON object.",
        _ => "A text.",
    }
}
