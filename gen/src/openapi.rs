//! The OpenAPI document that the server serves at `/openapi.json`.

mod components;
mod info;
mod path;
#[cfg(test)]
mod tests;

pub(crate) use info::RULES;
pub(crate) use path::example;

use serde_json::{Map, Value, json};

use crate::http::{Http, Shape};

/// The document for the whole API.
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
        "servers": [{ "url": "/", "description": "The server that serves this document." }],
        "tags": tags,
        "paths": paths,
        "components": components::components(http),
    })
}

/// The schema of a complete response.
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

/// The media type of a response.
pub(crate) fn media(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text(media, _) => media,
        _ => "application/json",
    }
}
