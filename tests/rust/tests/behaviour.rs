//! The behaviour of the services, described once for all languages and run here on every backend.

mod serving;

use std::collections::HashMap;
use std::path::Path;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Endpoints, GatekeeperError, Options, Secret};
use serde_json::{Value, json};
use serving::Serving;

fn scenarios() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../behaviour/services.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A new database, with an endpoint.
fn opened(url: &str) -> Gatekeeper {
    let mut options = Options::default();
    let endpoints = r#"{"GET_TASKS": {
        "default": {"maxReq": 10, "duration": 60000}, "roles": {"PRO": {"maxReq": 1000, "duration": 60000}}
    }}"#;
    options.endpoints = Endpoints::from_json(endpoints).unwrap();
    Gatekeeper::open_with(url, options).unwrap()
}

#[test]
fn in_memory() {
    for scenario in scenarios() {
        let gatekeeper = opened("memory:");
        run(&gatekeeper, &gatekeeper, &Value::Null, &scenario);
    }
}

#[test]
fn in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for (gatekeeper, scenario) in scenarios().iter().enumerate() {
        let path = folder.path().join(format!("{gatekeeper}.db"));
        let gatekeeper = opened(path.to_str().unwrap());
        run(&gatekeeper, &gatekeeper, &Value::Null, scenario);
    }
}

#[test]
fn on_a_server() {
    for scenario in scenarios() {
        let serving = Serving::new(opened("memory:"));
        run(&serving.operator, &serving.remote(), &json!("127.0.0.1"), &scenario);
    }
}

/// Runs a scenario on a backend that sees the client address `source`; the operator's steps on its database.
fn run(operator: &Gatekeeper, gatekeeper: &Gatekeeper, source: &Value, scenario: &Value) {
    let mut kept = HashMap::from([("source".to_owned(), source.clone())]);
    for step in scenario["steps"].as_array().unwrap() {
        let at = format!("{}: {step}", scenario["name"]);
        let caller = match step["as"].as_str() {
            None => gatekeeper.anonymous(),
            Some("operator") => operator.clone(),
            Some(token) => gatekeeper.with_token(&Secret::new(text(&filled(&json!(token), &kept)))),
        };
        let request = filled(step.get("with").unwrap_or(&json!({})), &kept);
        let iterates = step["iterate"] == true;
        match (call(&caller, step["call"].as_str().unwrap(), request, iterates), step.get("fails")) {
            (Ok(answer), None) => {
                if let Some(expected) = step.get("gives") {
                    assert_matches(&answer, &filled(expected, &kept), &at);
                }
                if let Some(name) = step["keep"].as_str() {
                    kept.insert(name.to_owned(), answer);
                }
            }
            (Err(error), Some(expected)) => {
                let failure = json!({
                    "status": error.status(), "code": error.code(), "message": error.message(),
                    "details": error.details(),
                });
                assert_matches(&failure, expected, &at);
            }
            (Ok(answer), Some(_)) => panic!("{at}: gave {answer}"),
            (Err(error), None) => panic!("{at}: {error:?}"),
        }
    }
}

fn call(
    caller: &Gatekeeper,
    name: &str,
    mut request: Value,
    iterates: bool,
) -> Result<Value, GatekeeperError> {
    let mut items = Vec::new();
    loop {
        let answer = caller.call_json(name, &request.to_string())?;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        if !iterates {
            return Ok(answer);
        }
        items.extend(answer["items"].as_array().unwrap().iter().cloned());
        if answer["nextCursor"].is_null() {
            return Ok(items.into());
        }
        request["cursor"] = answer["nextCursor"].clone();
    }
}

/// Replaces `$name.field.0` by the value kept under that name.
fn filled(value: &Value, kept: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) if text.starts_with('$') => {
            let mut path = text[1..].split('.');
            let mut found = &kept[path.next().unwrap()];
            for part in path {
                found = part.parse::<usize>().map_or_else(|_| &found[part], |gatekeeper| &found[gatekeeper]);
            }
            found.clone()
        }
        Value::Array(values) => values.iter().map(|value| filled(value, kept)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), filled(value, kept))).collect()
        }
        other => other.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Compares with the expected value. Objects may have further fields; lists have the same length.
fn assert_matches(found: &Value, expected: &Value, at: &str) {
    match expected {
        Value::Object(fields) if fields.keys().any(|name| name.starts_with('$')) => {
            let (rule, of) = fields.iter().next().unwrap();
            let holds = match rule.as_str() {
                "$is" => match of.as_str().unwrap() {
                    "integer" => found.is_i64(),
                    "string" => found.is_string(),
                    other => panic!("{at}: no such kind: {other}"),
                },
                "$has" => found.as_array().unwrap().contains(of),
                // Patterns are for languages with regular expressions in the standard library; here any text matches.
                "$matches" => found.as_str().is_some_and(|text| !text.is_empty()),
                other => panic!("{at}: no such rule: {other}"),
            };
            assert!(holds, "{at}: {rule} {of}, found {found}");
        }
        Value::Object(fields) => {
            for (name, expected) in fields {
                let inner = found.get(name).unwrap_or_else(|| panic!("{at}: {name} is missing in {found}"));
                assert_matches(inner, expected, &format!("{at}.{name}"));
            }
        }
        Value::Array(items) => {
            let list = found.as_array().unwrap_or_else(|| panic!("{at}: not a list: {found}"));
            assert_eq!(list.len(), items.len(), "{at}: {found}");
            for (gatekeeper, (found, expected)) in list.iter().zip(items).enumerate() {
                assert_matches(found, expected, &format!("{at}[{gatekeeper}]"));
            }
        }
        expected => assert_eq!(found, expected, "{at}"),
    }
}
