//! The document that `/openapi.json` answers.

mod components;
mod info;
mod path;
#[cfg(test)]
mod tests;

pub(crate) use info::RULES;
pub(crate) use path::example;

use serde_json::{Map, Value, json};

use crate::http::{Http, Shape};

/// The document of all that is served.
pub(crate) fn document(http: &Http) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for group in &http.groups {
        for call in &group.calls {
            let methods = paths.entry(call.path).or_insert_with(|| json!({}));
            methods[call.method.to_lowercase()] = path::operation(http, group.name, call);
        }
    }
    let tags: Vec<_> = http
        .groups
        .iter()
        .map(|group| json!({ "name": group.name, "description": group.documentation }))
        .collect();
    json!({
        "openapi": "3.1.1",
        "info": info::info(),
        "servers": [{ "url": "/", "description": "The server that this document is from." }],
        "tags": tags,
        "paths": paths,
        "components": components::components(http),
    })
}

/// The schema of a whole answer.
pub(crate) fn whole(shape: &Shape) -> Value {
    match shape {
        Shape::Enveloped(data) => json!({
            "type": "object",
            "properties": { "ok": { "const": true }, "data": data },
            "required": ["ok", "data"],
        }),
        Shape::Successful(fields) => fields.clone(),
        Shape::Json(schema, _) => schema.clone(),
        Shape::Text(..) => json!({ "type": "string" }),
    }
}

/// The media type of an answer.
pub(crate) fn media(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text(media, _) => media,
        _ => "application/json",
    }
}
