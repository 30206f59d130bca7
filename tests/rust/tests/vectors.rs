//! The language-neutral test vectors, run with the functions of the hot path.

use std::path::PathBuf;

use serde_json::{Value, json};

fn load(suite: &str) -> Value {
    let folder = std::env::var_os("GATEKEEPER_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join(format!("{suite}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn answer(suite: &str, case: &Value) -> Value {
    let answer =
        gatekeeper::internal::run_vector(&json!({ "suite": suite, "case": case }).to_string()).unwrap();
    serde_json::from_str(&answer).unwrap()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a Vec<Value> {
    let list = value[field].as_array().unwrap();
    assert!(!list.is_empty(), "no {field} to test");
    list
}

#[test]
fn key_format() {
    let vectors = load("key-format");
    for case in list(&vectors, "valid") {
        let expected = json!({ "prefix": case["prefix"], "sha256": case["sha256"] });
        assert_eq!(answer("key-format", &case["key"]), expected, "{case}");
    }
    for case in list(&vectors, "invalid") {
        assert_eq!(answer("key-format", &case["key"]), Value::Null, "{case}");
    }
}

#[test]
fn limit_selection() {
    for case in list(&load("limit-selection"), "cases") {
        assert_eq!(answer("limit-selection", case), case["expect"], "{}", case["name"]);
    }
}

#[test]
fn slots() {
    let vectors = load("slots");
    let admitted = answer("slots", &vectors["slots"]);
    assert_eq!(admitted, json!(vec![true; list(&vectors, "slots").len()]));
}

/// The fields of a window's result that a step may expect.
const FIELDS: [&str; 8] =
    ["ok", "remaining", "total", "duration", "retryAfterMs", "freesAt", "reset", "refunded"];

#[test]
fn windows() {
    for suite in ["window", "window-coarse", "window-changes", "window-definitions", "window-steps"] {
        for case in list(&load(suite), "cases") {
            let answers = answer(suite, case);
            for (index, (step, answer)) in
                list(case, "steps").iter().zip(answers.as_array().unwrap()).enumerate()
            {
                for field in FIELDS {
                    if let Some(expected) = step.get(field) {
                        assert_eq!(
                            &answer[field], expected,
                            "{suite}, {}, step {index}: {field}",
                            case["name"]
                        );
                    }
                }
            }
            assert_eq!(answers.as_array().unwrap().len(), list(case, "steps").len());
        }
    }
}
