//! JSON in canonical form: object members sorted, integers without a fraction, no white space.

use serde_json::{Map, Number, Value};

/// The largest integer up to which every integer is exact in a double.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// A value in canonical form.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                separate(index, text);
                write(value, text);
            }
            text.push(']');
        }
        Value::Object(fields) => write_object(fields, text),
        Value::Number(number) => text.push_str(&write_number(number)),
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn write_object(fields: &Map<String, Value>, text: &mut String) {
    // Whether `Map` sorts its members depends on a feature that another crate can enable.
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    text.push('{');
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        separate(index, text);
        write(&Value::from(name.as_str()), text);
        text.push(':');
        write(value, text);
    }
    text.push('}');
}

fn write_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}

fn separate(index: usize, text: &mut String) {
    if index > 0 {
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_the_same_canonical_form() {
        let read = |json: &str| canonical(&serde_json::from_str(json).unwrap());
        assert_eq!(
            read(r#"{ "b": [1.0, 2.5], "a": {"d": null, "c": "\u00e9"} }"#),
            r#"{"a":{"c":"é","d":null},"b":[1,2.5]}"#
        );
        assert_eq!(read("1e3"), read("1000"));
        assert_ne!(read("\"1\""), read("1"));
        assert_ne!(read("{}"), read("[]"));
    }
}
