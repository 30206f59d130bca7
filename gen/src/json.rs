//! Formats JSON for readers: important fields first, the others in alphabetical order.

use serde_json::{Map, Value};

/// Fields that precede all others, in this order.
const FIRST: [&str; 28] = [
    "openapi",
    "title",
    "version",
    "info",
    "servers",
    "tags",
    "paths",
    "components",
    "get",
    "post",
    "patch",
    "put",
    "delete",
    "operationId",
    "name",
    "in",
    "summary",
    "description",
    "security",
    "required",
    "ok",
    "success",
    "data",
    "items",
    "id",
    "type",
    "properties",
    "parameters",
];
/// Objects without nested objects or lists are written on one line up to this length.
const SHORT: usize = 100;

/// Formats `value` over several lines.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

/// The fields of an object in output order.
pub(crate) fn ordered(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    fields
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let (parts, brackets): (Vec<(String, &Value)>, _) = match value {
        Value::Object(fields) => {
            let named =
                ordered(fields).into_iter().map(|(name, value)| (format!("{}: ", quoted(name)), value));
            (named.collect(), ("{", "}"))
        }
        Value::Array(items) => (items.iter().map(|item| (String::new(), item)).collect(), ("[", "]")),
        other => return text.push_str(&other.to_string()),
    };
    if let Some(line) = line(value).filter(|line| line.len() <= SHORT) {
        return text.push_str(&line);
    }
    text.push_str(brackets.0);
    for (index, (name, value)) in parts.into_iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        text.push_str(&name);
        write(text, value, depth + 1);
    }
    text.push_str(&format!("\n{}{}", "  ".repeat(depth), brackets.1));
}

/// The value on one line, if it contains no nested parts.
fn line(value: &Value) -> Option<String> {
    let is_flat = |value: &Value| match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
        _ => true,
    };
    match value {
        Value::Object(fields) if fields.is_empty() => Some("{}".to_owned()),
        Value::Object(fields) if fields.values().all(is_flat) => {
            let fields: Option<Vec<_>> = ordered(fields)
                .into_iter()
                .map(|(name, value)| Some(format!("{}: {}", quoted(name), line(value)?)))
                .collect();
            Some(format!("{{ {} }}", fields?.join(", ")))
        }
        Value::Array(items) if is_flat(value) => {
            Some(format!("[{}]", items.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")))
        }
        other if is_flat(other) => Some(other.to_string()),
        _ => None,
    }
}

fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn important_fields_come_first_and_short_values_are_on_one_line() {
        let value = json!({ "data": { "b": [1, 2], "id": "x" }, "ok": true, "list": [{ "a": [{}] }] });
        let text = "{\n  \"ok\": true,\n  \"data\": { \"id\": \"x\", \"b\": [1, 2] },\n  \"list\": [\n    {\n      \"a\": [\n        {}\n      ]\n    }\n  ]\n}";
        assert_eq!(pretty(&value), text);
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
    }
}
