//! The operations of the table as calls.

use std::collections::BTreeMap;

use gatekeeper::{Access, Method, OperationDescriptor, TABLE};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::schemas::{merged, name_of, named_pages, reference, renamed, tidied};
use super::{Answer, Body, Call, CredentialCache, Group, Http, Parameter, Shape, rejections};
use crate::service::SERVICES;
use crate::text::prose;

const KEY_MANAGER: (&str, &str) = (
    "keyManager",
    "The key manager's REST API, under paths and in a shape of its own: `{success: true, …}` or `{success: false, error, \
     reason}`. Its body is JSON, whatever type it is sent with.",
);

/// Every operation, by service.
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

    // A type that several requests are around is there for each of them.
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
        Some(service) => Err(format!("{service}: a service that nobody described")),
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
    let documentation = described(definition);
    // A type around another is the other.
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
        parameters.extend(taken(&mut request, &field, location));
    }
    parameters.sort_by_key(|parameter| !parameter.required);
    if descriptor.idempotent {
        parameters.push(idempotency_key());
    }
    let body = has_body.then(|| {
        if descriptor.access == Access::KeyManager {
            require_id(&mut request);
            // Its API ignores what it does not know.
            if let Some(words) = request.as_object_mut() {
                words.remove("additionalProperties");
            }
        }
        if let Some(words) = request.as_object_mut() {
            words.insert("description".to_owned(), format!("What `{}` takes.", descriptor.name).into());
        }
        if name == "UsageInput" {
            request["description"] = "Something that was, or is about to be, used.".into();
        }
        let required = request.get("required").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        if let (false, Some(words)) = (required, request.as_object_mut()) {
            words.remove("required");
        }
        schemas.insert(name.clone(), request);
        Body { schema: reference(&name), required }
    });
    let told = match answer.get("$ref").and_then(Value::as_str).and_then(name_of) {
        Some(name) => schemas.get(name).map(described).unwrap_or_default(),
        None if answer.get("type") == Some(&json!("null")) => "It is done; `data` is null.".to_owned(),
        None => "The answer.".to_owned(),
    };
    let callers = match descriptor.access {
        Access::KeyManager => CredentialCache::RootKey,
        Access::Public => CredentialCache::Anybody,
        Access::Known => CredentialCache::Known,
        Access::User | Access::UserOrOperator => CredentialCache::User,
        Access::Tenant(permission) => CredentialCache::Permitted(permission),
        Access::Operator => CredentialCache::Operator,
        other => return Err(format!("{}: say who {other:?} is", descriptor.name)),
    };
    let shape = if callers == CredentialCache::RootKey {
        let name = answer.get("$ref").and_then(Value::as_str).and_then(name_of);
        let schema = name.and_then(|name| schemas.get_mut(name));
        succeed(schema.ok_or_else(|| format!("{}: an answer without a name", descriptor.name))?);
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
        answer: Answer { documentation: told, shape },
        rejections: rejections::of(descriptor),
    })
}

/// Puts `success` among the fields of an answer, as the key manager has it: not all generators of clients take an `allOf`.
fn succeed(schema: &mut Value) {
    schema["properties"]["success"] = json!({ "const": true });
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut)
        && !required.contains(&json!("success"))
    {
        required.insert(0, "success".into());
    }
}

fn described(schema: &Value) -> String {
    prose(schema.get("description").and_then(Value::as_str).unwrap_or_default())
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// Takes a field out of a request, as a parameter.
fn taken(request: &mut Value, field: &str, location: &'static str) -> Option<Parameter> {
    let mut schema = request.get_mut("properties")?.as_object_mut()?.remove(field)?;
    let documentation = described(&schema);
    if let Some(words) = schema.as_object_mut() {
        words.remove("description");
        // What is not there is said by leaving it out.
        if words.get("default") == Some(&Value::Null) {
            words.remove("default");
        }
        if let Some(Value::Array(kinds)) = words.get("type") {
            let kind = kinds.first().cloned().unwrap_or_default();
            words.insert("type".to_owned(), kind);
        }
        // Where only one bound is said, the other is none: more items than a page can have are a page.
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
        documentation: "The same as the field `idempotencyKey`; where both are given they must be equal."
            .to_owned(),
        required: false,
        schema: json!({ "type": "string", "maxLength": 256, "pattern": "^[!-~]([ -~]*[!-~])?$" }),
    }
}

/// The key manager judges an id that is not there after all else: it is an `invalidId`.
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
