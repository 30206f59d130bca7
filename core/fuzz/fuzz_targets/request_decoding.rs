//! Requests: each operation rejects a request with a message that does not repeat its values, or decodes it; and what a
//! client then sends to a server is decoded as the same request.
//!
//! An input is a JSON object, and after a zero byte the query. It is tried with every operation.

#![no_main]

use gatekeeper::fuzzing;
use gatekeeper::internal::{OperationDescriptor, Request, TABLE, UnknownFields};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A value that the corpus contains. No message may contain it.
const CANARY: &str = "canary7Qx";

/// Whether a value contains a number that is no integer: its last digit may change when it is parsed again.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        _ => false,
    }
}

fn decode(operation: &OperationDescriptor, request: Request<'_>) {
    match fuzzing::decode(operation, request) {
        Ok(fields) => {
            let fields = Value::Object(fields);
            let sent = fields.to_string();
            let again = fuzzing::decode(operation, Request::from(sent.as_str())).unwrap();
            assert!(has_fraction(&fields) || Value::Object(again) == fields, "{}: {sent}", operation.name);
        }
        Err(error) => {
            assert_eq!(error.status(), 400);
            assert!(!error.message().contains(CANARY), "{}: {}", operation.name, error.message());
        }
    }
}

fuzz_target!(|text: &str| {
    let (json, query) = text.split_once('\0').unwrap_or((text, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let texts: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for operation in TABLE {
        for unknown_fields in [UnknownFields::Rejected, UnknownFields::Ignored] {
            decode(operation, Request { json, texts: &texts, unknown_fields });
        }
    }
});
