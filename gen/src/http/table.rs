//! The operations of the table as calls of the HTTP API.

use std::collections::BTreeMap;

use gatekeeper::internal::{Access, Method, OperationDescriptor, TABLE};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::schemas::{merged, name_of, named_pages, reference, renamed, tidied};
use super::{Answer, Body, Call, Callers, Group, Http, Parameter, Shape, rejections};
use crate::service::SERVICES;
use crate::text::prose;

const KEY_MANAGER: (&str, &str) = (
    "keyManager",
    "The key manager's REST API has its own paths and its own format: `{success: true, …}` or `{success: false, error, \
     reason}`. The body is JSON, with any content type.",
);

/// All operations, by service.
pub(super) fn read() -> Result<Http, String> {
    let settings = || {
        let mut settings = SchemaSettings::draft2020_12();
        settings.definitions_path = "/components/schemas".into();
        settings
    };
    let (mut read, mut written) =
        (settings().for_deserialize().into_generator(), settings().for_serialize().into_generator());
    let listed: Vec<_> = TABLE
        .iter()
        .map(|descriptor| {
            let (request, answer) = (descriptor.schemas)(&mut read, &mut written);
            (descriptor, request.to_value(), answer.to_value())
        })
        .collect();
    let mut schemas = merged(read.take_definitions(true), written.take_definitions(true))?;
    let pages = named_pages(&mut schemas)?;
    schemas.values_mut().for_each(tidied);

    // A type that several requests wrap is copied for each of them.
    let shared = schemas.clone();
    let mut calls: BTreeMap<&str, Vec<Call>> = BTreeMap::new();
    for (descriptor, request, mut answer) in listed {
        renamed(&mut answer, &pages);
        tidied(&mut answer);
        let service = descriptor.name.split('.').next().unwrap_or_default();
        calls.entry(service).or_default().push(call(descriptor, &request, answer, &shared, &mut schemas)?);
    }
    let mut groups = Vec::new();
    for (name, documentation) in SERVICES.iter().copied().chain([KEY_MANAGER]) {
        if let Some(calls) = calls.remove(name) {
            groups.push(Group { name, documentation, calls });
        }
    }
    match calls.keys().next() {
        None => Ok(Http { groups, schemas }),
        Some(service) => Err(format!("{service}: add this service to SERVICES in gen/src/service.rs")),
    }
}

fn call(
    descriptor: &'static OperationDescriptor,
    request: &Value,
    answer: Value,
    shared: &Map<String, Value>,
    schemas: &mut Map<String, Value>,
) -> Result<Call, String> {
    let name = request.get("$ref").and_then(Value::as_str).and_then(name_of);
    let name = name.ok_or_else(|| format!("{}: a request without a name", descriptor.name))?;
    let definition = schemas.get(name).ok_or_else(|| format!("{name}: no such type"))?;
    let documentation = documentation_of(definition);
    // A type that wraps another type is documented as the inner type.
    let target = definition.get("$ref").and_then(Value::as_str).and_then(name_of).map(str::to_owned);
    if target.is_some() {
        schemas.remove(name);
    }
    let name = target.unwrap_or_else(|| name.to_owned());
    let has_body = match descriptor.route.method {
        Method::Get => false,
        Method::Post | Method::Patch | Method::Put => true,
        Method::Delete => descriptor.access == Access::KeyManager,
    };
    schemas.remove(&name);
    let mut request = shared.get(&name).cloned().ok_or_else(|| format!("{name}: no such type"))?;
    let mut parameters = Vec::new();
    let in_path = |field: &str| descriptor.route.path.contains(&format!("{{{field}}}"));
    let fields: Vec<String> =
        properties(&request).map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    for field in fields.into_iter().filter(|field| in_path(field) || !has_body) {
        let location = if in_path(&field) { "path" } else { "query" };
        parameters.extend(extract_parameter(&mut request, &field, location));
    }
    parameters.sort_by_key(|parameter| !parameter.required);
    if descriptor.idempotent {
        parameters.push(idempotency_key());
    }
    let body = has_body.then(|| {
        if descriptor.access == Access::KeyManager {
            require_id(&mut request);
            // This API ignores unknown fields.
            if let Some(words) = request.as_object_mut() {
                words.remove("additionalProperties");
            }
        }
        if let Some(words) = request.as_object_mut() {
            words.insert("description".to_owned(), format!("The request of `{}`.", descriptor.name).into());
        }
        if name == "UsageInput" {
            request["description"] = "Usage to check or record.".into();
        }
        let required = request.get("required").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        if let (false, Some(words)) = (required, request.as_object_mut()) {
            words.remove("required");
        }
        schemas.insert(name.clone(), request);
        Body { schema: reference(&name), required }
    });
    let success = match answer.get("$ref").and_then(Value::as_str).and_then(name_of) {
        Some(name) => schemas.get(name).map(documentation_of).unwrap_or_default(),
        None if answer.get("type") == Some(&json!("null")) => "Success; `data` is null.".to_owned(),
        None => "The result.".to_owned(),
    };
    let callers = match descriptor.access {
        Access::KeyManager | Access::RootKey => Callers::RootKey,
        Access::Public => Callers::Anyone,
        Access::Known => Callers::RootKeyOrUser,
        Access::User | Access::UserOrOperator => Callers::User,
        Access::Tenant(permission) => Callers::Permission(permission),
        Access::Operator => Callers::Operator,
        other => return Err(format!("{}: add {other:?} to Callers", descriptor.name)),
    };
    let shape = if descriptor.access == Access::KeyManager {
        let name = answer.get("$ref").and_then(Value::as_str).and_then(name_of);
        let schema = name.and_then(|name| schemas.get_mut(name));
        add_success(schema.ok_or_else(|| format!("{}: a response without a named type", descriptor.name))?);
        Shape::Successful(answer)
    } else {
        Shape::Enveloped(answer)
    };
    Ok(Call {
        name: descriptor.name,
        method: format!("{:?}", descriptor.route.method).to_uppercase(),
        path: descriptor.route.path,
        documentation,
        callers,
        parameters,
        body,
        status: descriptor.route.status,
        answer: Answer { documentation: success, shape },
        rejections: rejections::of(descriptor),
    })
}

/// Adds `success` to the fields of the key manager's response. Not all generators of clients support an `allOf`
/// instead.
fn add_success(schema: &mut Value) {
    schema["properties"]["success"] = json!({ "const": true });
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut)
        && !required.contains(&json!("success"))
    {
        required.insert(0, "success".into());
    }
}

fn documentation_of(schema: &Value) -> String {
    prose(schema.get("description").and_then(Value::as_str).unwrap_or_default())
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// Moves a field of a request to a parameter.
fn extract_parameter(request: &mut Value, field: &str, location: &'static str) -> Option<Parameter> {
    let mut schema = request.get_mut("properties")?.as_object_mut()?.remove(field)?;
    let documentation = documentation_of(&schema);
    if let Some(words) = schema.as_object_mut() {
        words.remove("description");
        // A parameter with this default is simply left out.
        if words.get("default") == Some(&Value::Null) {
            words.remove("default");
        }
        if let Some(Value::Array(kinds)) = words.get("type") {
            let kind = kinds.first().cloned().unwrap_or_default();
            words.insert("type".to_owned(), kind);
        }
        // A page size without bounds: larger numbers are clamped.
        if words.get("format") == Some(&json!("int64")) && !words.contains_key("minimum") {
            words.insert("minimum".to_owned(), i64::MIN.into());
            words.insert("maximum".to_owned(), i64::MAX.into());
        }
        if let Some(Value::Array(either)) = words.get("anyOf").cloned() {
            words.remove("anyOf");
            words.extend(either.first().and_then(Value::as_object).cloned().unwrap_or_default());
        }
    }
    let required = request.get_mut("required").and_then(Value::as_array_mut);
    let is_required = required.is_some_and(|required| {
        let before = required.len();
        required.retain(|known| known != field);
        required.len() < before
    });
    Some(Parameter { location, name: field.to_owned(), documentation, required: is_required, schema })
}

fn idempotency_key() -> Parameter {
    Parameter {
        location: "header",
        name: "Idempotency-Key".to_owned(),
        documentation: "The same as the field `idempotencyKey`. If both are given, they must be equal."
            .to_owned(),
        required: false,
        schema: json!({ "type": "string", "maxLength": 256, "pattern": "^[!-~]([ -~]*[!-~])?$" }),
    }
}

/// Makes the id required: without one the key manager returns `invalidId`, after all other checks.
fn require_id(request: &mut Value) {
    if let Some(id) = request.pointer_mut("/properties/id").and_then(Value::as_object_mut) {
        id.remove("default");
    }
    if properties(request).is_some_and(|fields| fields.contains_key("id"))
        && let Some(words) = request.as_object_mut()
        && let Some(required) = words.entry("required").or_insert_with(|| json!([])).as_array_mut()
    {
        required.insert(0, "id".into());
    }
}
