//! An operation of the document.

use serde_json::{Map, Value, json};

use super::{media, whole};
use crate::http::{Answer, Body, Call, Http, Parameter, Shape, example_of, example_of_parameter, kinds};

pub(super) fn operation(http: &Http, tag: &str, call: &Call) -> Value {
    let who = format!("**Who may call:** {}", call.callers.description());
    let description = match call.description() {
        "" => who,
        description => format!("{description}\n\n{who}"),
    };
    let mut operation = json!({
        "operationId": call.name,
        "summary": call.summary(),
        "description": description,
        "tags": [tag],
        "security": call.callers.schemes().iter().map(|scheme| json!({ *scheme: [] })).collect::<Vec<_>>(),
        "responses": responses(http, call),
    });
    if !call.parameters.is_empty() {
        operation["parameters"] = call.parameters.iter().map(|each| parameter(http, each)).collect();
    }
    if let Some(body) = &call.body {
        operation["requestBody"] = request(http, body);
    }
    operation
}

fn parameter(http: &Http, parameter: &Parameter) -> Value {
    let mut object = json!({
        "name": parameter.name,
        "in": parameter.location,
        "description": parameter.documentation,
        "required": parameter.required,
        "schema": parameter.schema,
    });
    if kinds(&parameter.schema) == ["array"] {
        object["style"] = "form".into();
        object["explode"] = true.into();
    }
    if parameter.name != "cursor" {
        object["example"] = example_of_parameter(http, parameter);
    }
    object
}

fn request(http: &Http, body: &Body) -> Value {
    let example = example_of(http, &body.schema, true);
    let content = json!({ "application/json": { "schema": body.schema, "example": example } });
    json!({ "required": body.required, "content": content })
}

fn responses(http: &Http, call: &Call) -> Value {
    let mut responses = Map::new();
    responses.insert(call.status.to_string(), success(http, call, &call.answer));
    for rejection in &call.rejections {
        let reference = format!("#/components/responses/{}", rejection.response);
        responses.insert(
            rejection.status.to_string(),
            json!({ "$ref": reference, "description": rejection.documentation }),
        );
    }
    Value::Object(responses)
}

fn success(http: &Http, call: &Call, answer: &Answer) -> Value {
    let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } });
    match &answer.shape {
        Shape::Enveloped(_) => {
            headers["X-API-Version"] = json!({ "$ref": "#/components/headers/ApiVersion" });
        }
        _ if call.path.ends_with("jwks.json") => {
            headers["Cache-Control"] = json!({ "$ref": "#/components/headers/CacheControl" });
        }
        _ => {}
    }
    let schema = whole(&answer.shape);
    let example = example(http, &answer.shape, &schema);
    json!({
        "description": answer.documentation,
        "headers": headers,
        "content": { media(&answer.shape): { "schema": schema, "example": example } },
    })
}

/// An example of a complete response.
pub(crate) fn example(http: &Http, shape: &Shape, schema: &Value) -> Value {
    match shape {
        Shape::Json(_, example) => example.clone(),
        Shape::Text(_, example) => (*example).into(),
        Shape::Enveloped(_) | Shape::Successful(_) => example_of(http, schema, false),
    }
}
