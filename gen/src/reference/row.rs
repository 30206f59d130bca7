//! The fields of a type, as rows of a table.

use serde_json::Value;

use super::anchor_of_type;
use crate::http::{Http, Parameter, kinds};

/// A field, as a row of a table.
pub(super) struct Row {
    pub(super) name: String,
    /// `path`, `query`, `header` or `body`.
    pub(super) location: &'static str,
    pub(super) required: bool,
    pub(super) kind: String,
    pub(super) default: Option<String>,
    pub(super) documentation: String,
}

impl Row {
    pub(super) fn of_parameter(http: &Http, parameter: &Parameter) -> Self {
        Self {
            name: parameter.name.clone(),
            location: parameter.location,
            required: parameter.required,
            kind: kind_of(http, &parameter.schema),
            default: default_of(&parameter.schema),
            documentation: parameter.documentation.clone(),
        }
    }
}

/// The fields of an object, required fields first.
pub(super) fn rows_of(http: &Http, object: &Value, location: &'static str) -> Vec<Row> {
    let required: Vec<&str> = object
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let fields = object.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut rows: Vec<Row> = fields
        .map(|(name, schema)| Row {
            name: name.clone(),
            location,
            required: required.contains(&&**name),
            kind: kind_of(http, schema),
            default: default_of(schema),
            documentation: schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
        .collect();
    if rows.iter().all(|row| row.required) && location.is_empty() {
        // A response with all of its fields required needs no mark.
        for row in &mut rows {
            row.required = false;
        }
    }
    rows.sort_by_key(|row| required.iter().position(|name| *name == row.name).unwrap_or(required.len()));
    rows
}

/// The type that `schema` allows, as text.
pub(super) fn kind_of(http: &Http, schema: &Value) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
        let options = options(http.resolved(schema));
        let text = if options.is_empty() { format!("`{name}`") } else { either(&options) };
        return format!("[{text}](#{})", anchor_of_type(name));
    }
    if let Some(parts) = schema.get("anyOf").and_then(Value::as_array) {
        return either(&parts.iter().map(|part| kind_of(http, part)).collect::<Vec<_>>());
    }
    let own = options(schema);
    if !own.is_empty() {
        return either(&own);
    }
    match &*kinds(schema) {
        [] => "anything".to_owned(),
        [kind, rest @ ..] => {
            let (kind, bounds) = of_one(http, kind, schema);
            either(&[vec![kind], rest.iter().map(|&each| each.to_owned()).collect()].concat()) + &bounds
        }
    }
}

/// A type, and its bounds after a comma.
fn of_one(http: &Http, kind: &str, schema: &Value) -> (String, String) {
    let number = |word: &str| schema.get(word).and_then(Value::as_i64);
    let bounds = match kind {
        "string" => return text(schema),
        "integer" => match (number("minimum"), number("maximum")) {
            (Some(min), Some(max)) if max < 1 << 53 && max != i64::from(u32::MAX) => {
                format!(", {min} to {max}")
            }
            (Some(min), _) if min >= 0 => format!(", {min} or more"),
            _ => String::new(),
        },
        "array" => return list(http, schema),
        _ => String::new(),
    };
    (kind.to_owned(), bounds)
}

fn list(http: &Http, schema: &Value) -> (String, String) {
    let number = |word: &str| schema.get(word).and_then(Value::as_i64);
    let item = schema.get("items").map(|items| kind_of(http, items)).unwrap_or_default();
    let (items, each) = match item.split_once(", ") {
        Some((item, bounds)) => (item, format!(", each {bounds}")),
        None => (&*item, String::new()),
    };
    let items = if items.contains('`') { items.to_owned() } else { format!("{items}s") };
    let count = match (number("minItems"), number("maxItems")) {
        (Some(min), Some(max)) => format!("{min} to {max} "),
        (None, Some(max)) => format!("at most {max} "),
        _ => String::new(),
    };
    (format!("list of {count}{items}"), each)
}

fn text(schema: &Value) -> (String, String) {
    let number = |word: &str| schema.get(word).and_then(Value::as_u64);
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap_or_default();
    if let (Some(prefix), true) = (pattern.get(1..5), pattern.contains("{25}")) {
        return (format!("id `{prefix}…`"), String::new());
    }
    let bounds = match (number("x-maxBytes"), number("minLength"), number("maxLength")) {
        (Some(max), Some(min), _) => format!(", {min} to {max} bytes"),
        (Some(max), None, _) => format!(", at most {max} bytes"),
        (None, Some(min), Some(max)) => format!(", {min} to {max} characters"),
        (None, None, Some(max)) => format!(", at most {max} characters"),
        _ => String::new(),
    };
    ("string".to_owned(), bounds)
}

/// The texts that a schema allows, if it enumerates them.
pub(super) fn options(schema: &Value) -> Vec<String> {
    let code =
        |value: &Value| value.as_str().map_or_else(|| format!("`{value}`"), |text| format!("`{text}`"));
    if let Some(parts) = schema.get("oneOf").and_then(Value::as_array) {
        return parts.iter().flat_map(options).collect();
    }
    let several = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    several.chain(schema.get("const")).map(code).collect()
}

fn either(parts: &[String]) -> String {
    match parts {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => parts.concat(),
    }
}

fn default_of(schema: &Value) -> Option<String> {
    schema.get("default").filter(|value| !value.is_null()).map(|value| match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    })
}
