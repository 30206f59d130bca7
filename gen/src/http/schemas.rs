//! The schemas of the table, made fit to be read: Rust's links taken out, pages named after what they list.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::text::prose;

/// Where a document keeps its types.
pub(super) const PLACE: &str = "#/components/schemas/";

/// The name that a reference refers to.
pub(super) fn name_of(reference: &str) -> Option<&str> {
    reference.strip_prefix(PLACE)
}

/// A reference to a type with a name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{PLACE}{name}") })
}

/// One set of names for requests and answers.
///
/// # Errors
/// Two types with one name.
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

/// Pages have numbers for names: each gets the name of its items. What stood in the table by the old names is renamed
/// with `renamed`.
///
/// # Errors
/// A page of what has no name.
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
        let new = format!("{}Page", item.ok_or_else(|| format!("{old}: a page of what has no name"))?);
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

/// The schema with its references by the new names.
pub(super) fn renamed(schema: &mut Value, names: &BTreeMap<String, String>) {
    each_object(schema, &mut |words| {
        let new =
            words.get("$ref").and_then(Value::as_str).and_then(name_of).and_then(|name| names.get(name));
        if let Some(new) = new {
            words.insert("$ref".to_owned(), format!("{PLACE}{new}").into());
        }
    });
}

/// The schema with documentation for readers of HTTP, the bounds that an integer's format has, and what generators of
/// clients read: names as an `enum`, and no default that is `null`.
pub(super) fn tidied(schema: &mut Value) {
    each_object(schema, &mut |words| {
        if let Some(Value::String(description)) = words.get_mut("description") {
            *description = prose(description).replace('\n', " ");
        }
        if words.get("default") == Some(&Value::Null) {
            // What is not given is said by leaving it out.
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
                // What the wire has of it: counts stay below 2⁵³.
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

/// Names that stand beside each other, each with its documentation, as an `enum` that tells of each.
fn enumerate(words: &mut Map<String, Value>) {
    let Some(Value::Array(each)) = words.get("oneOf") else { return };
    // The inner ones come first: each is an `enum` of one name by now.
    let only = |name: &Value| match name.get("enum")?.as_array()?.as_slice() {
        [Value::String(name)] => Some(name.clone()),
        _ => None,
    };
    let names: Option<Vec<String>> = each.iter().map(only).collect();
    let Some(names) = names else { return };
    let told = each
        .iter()
        .zip(&names)
        .filter_map(|(each, name)| Some(format!("`{name}`: {}", each.get("description")?.as_str()?)));
    let own = words.get("description").and_then(Value::as_str).map(str::to_owned);
    let description = own.into_iter().chain(told).collect::<Vec<_>>().join(" ");
    words.remove("oneOf");
    words.insert("type".to_owned(), "string".into());
    words.insert("enum".to_owned(), names.into());
    words.insert("description".to_owned(), description.into());
}

/// Every object in `value`, the inner ones first.
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
