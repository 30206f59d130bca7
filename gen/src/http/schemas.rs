//! Prepares the schemas of the table for readers: removes Rust's links, and names each page after its items.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::text::prose;

/// The path of the named types in the document.
pub(super) const SCHEMAS: &str = "#/components/schemas/";

/// The name of the type that a reference refers to.
pub(super) fn name_of(reference: &str) -> Option<&str> {
    reference.strip_prefix(SCHEMAS)
}

/// A reference to a named type.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// Merges the types of requests and responses.
///
/// # Errors
/// Two different types have the same name.
pub(super) fn merged(
    read: Map<String, Value>,
    written: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut schemas = written;
    for (name, schema) in read {
        if schemas.get(&name).is_some_and(|known| *known != schema) {
            return Err(format!("{name}: one name for two types"));
        }
        schemas.insert(name, schema);
    }
    Ok(schemas)
}

/// Names each page after its items: `Page1` becomes `ApiKeyPage`. Returns the new names by the old ones, for
/// [`renamed`].
///
/// # Errors
/// A page has items without a name.
pub(super) fn named_pages(schemas: &mut Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let is_page = |name: &str| {
        name.strip_prefix("Page").is_some_and(|rest| rest.chars().all(|each| each.is_ascii_digit()))
    };
    let mut names = BTreeMap::new();
    for (old, mut schema) in std::mem::take(schemas) {
        if !is_page(&old) {
            schemas.insert(old, schema);
            continue;
        }
        let item = schema.pointer("/properties/items/items/$ref").and_then(Value::as_str).and_then(name_of);
        let new = format!("{}Page", item.ok_or_else(|| format!("{old}: a page of a type without a name"))?);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), "One page of a list.".into());
        }
        names.insert(old, new.clone());
        schemas.insert(new, schema);
    }
    for schema in schemas.values_mut() {
        renamed(schema, &names);
    }
    Ok(names)
}

/// Replaces old names in references by new ones.
pub(super) fn renamed(schema: &mut Value, names: &BTreeMap<String, String>) {
    each_object(schema, &mut |words| {
        let new =
            words.get("$ref").and_then(Value::as_str).and_then(name_of).and_then(|name| names.get(name));
        if let Some(new) = new {
            words.insert("$ref".to_owned(), format!("{SCHEMAS}{new}").into());
        }
    });
}

/// Tidies a schema: plain documentation, the bounds of integer formats, enumerations as `enum`, and no `null` defaults,
/// because generators of clients handle these best.
pub(super) fn tidied(schema: &mut Value) {
    each_object(schema, &mut |words| {
        if let Some(Value::String(description)) = words.get_mut("description") {
            *description = prose(description).replace('\n', " ");
        }
        if words.get("default") == Some(&Value::Null) {
            // A field with this default is simply left out.
            words.remove("default");
        }
        enumerate(words);
        if let Some(Value::String(only)) = words.get("const").cloned() {
            words.remove("const");
            words.insert("type".to_owned(), "string".into());
            words.insert("enum".to_owned(), json!([only]));
        }
        let bounds = match words.get("format").and_then(Value::as_str) {
            Some("uint32") => (0, u32::MAX.into()),
            Some("uint64" | "uint") => {
                // JSON numbers are exact up to 2⁵³.
                words.insert("format".to_owned(), "int64".into());
                (0, (1_i64 << 53) - 1)
            }
            _ => return,
        };
        for (word, bound) in [("minimum", bounds.0), ("maximum", bounds.1)] {
            words.entry(word).or_insert(bound.into());
        }
    });
}

/// Turns a `oneOf` of documented names into an `enum` whose description lists them.
fn enumerate(words: &mut Map<String, Value>) {
    let Some(Value::Array(each)) = words.get("oneOf") else { return };
    // Inner schemas are visited first, so each alternative is an `enum` with one name already.
    let only = |name: &Value| match name.get("enum")?.as_array()?.as_slice() {
        [Value::String(name)] => Some(name.clone()),
        _ => None,
    };
    let names: Option<Vec<String>> = each.iter().map(only).collect();
    let Some(names) = names else { return };
    let descriptions = each
        .iter()
        .zip(&names)
        .filter_map(|(each, name)| Some(format!("`{name}`: {}", each.get("description")?.as_str()?)));
    let own = words.get("description").and_then(Value::as_str).map(str::to_owned);
    let description = own.into_iter().chain(descriptions).collect::<Vec<_>>().join(" ");
    words.remove("oneOf");
    words.insert("type".to_owned(), "string".into());
    words.insert("enum".to_owned(), names.into());
    words.insert("description".to_owned(), description.into());
}

/// Calls `change` with every object in `value`, inner objects first.
fn each_object(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(words) => {
            words.values_mut().for_each(|inner| each_object(inner, change));
            change(words);
        }
        Value::Array(values) => values.iter_mut().for_each(|inner| each_object(inner, change)),
        _ => {}
    }
}
