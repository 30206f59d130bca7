//! What is served beside the operations of the table.

use serde_json::{Value, json};

use super::{Answer, Call, CredentialCache, Group, Shape, rejections};

/// What operators, gateways and verifiers of tokens ask for.
pub(super) fn system() -> Group {
    let jwks = "The public keys of access tokens and key tokens, as a JWK Set (RFC 7517). Cache it for as long as \
                `Cache-Control` says; look again when a token names a `kid` that is not in it.";
    let calls = vec![
        call("health", "/health", "Whether the process answers. Nothing is asked of the store.", healthy()),
        call(
            "ready",
            "/ready",
            "Whether the store and the counters answer, the stored signing keys open, and what is signed verifies. All of it \
             is really tried: give it to a load balancer, and `/health` to what restarts a process.",
            Shape::Json(
                json!({ "type": "object", "properties": { "ok": { "const": true } }, "required": ["ok"] }),
                json!({ "ok": true }),
            ),
        ),
        call(
            "metrics",
            "/metrics",
            "Counts and latencies, in the text format of Prometheus.",
            Shape::Text("text/plain", METRICS),
        ),
        call("jwks", "/.well-known/jwks.json", jwks, key_set()),
        call("jwksOfV1", "/v1/.well-known/jwks.json", &format!("The same under `/v1`. {jwks}"), key_set()),
        call(
            "openapi",
            "/openapi.json",
            "This document. It is of the server's own version.",
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
            "This API to read. One page that needs nothing else.",
            Shape::Text("text/html", "<!doctype html>"),
        ),
    ];
    Group { name: "system", documentation: "For operators, and for whoever verifies tokens.", calls }
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
            "description": "A public key: `x` is that of `OKP`, `n` and `e` those of `RSA`.",
            "properties": {
                "kid": text("Its id, which a token's header names."),
                "kty": { "enum": ["OKP", "RSA"], "description": "Its kind." },
                "alg": { "enum": ["EdDSA", "RS256"], "description": "What it signs with." },
                "use": { "const": "sig", "description": "It is for signatures." },
                "crv": { "const": "Ed25519", "description": "The curve of `OKP`." },
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
    // What is fixed text asks nothing that could fail.
    let statuses: &[u16] = if matches!(name, "health" | "openapi" | "docs") { &[] } else { &[500, 503] };
    Call {
        name,
        method: "GET".to_owned(),
        path,
        documentation: documentation.to_owned(),
        callers: CredentialCache::Anybody,
        parameters: Vec::new(),
        body: None,
        status: 200,
        answer: Answer { documentation: answered(&shape).to_owned(), shape },
        rejections: statuses.iter().copied().filter_map(rejections::shared).collect(),
    }
}

fn answered(shape: &Shape) -> &'static str {
    match shape {
        Shape::Json(Value::Object(_), _) => "A JSON object.",
        _ => "A text.",
    }
}
