//! The services and their methods, from the table.

use std::collections::{BTreeMap, BTreeSet};

use gatekeeper::internal::{Access, Method, OperationDescriptor, TABLE};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::schema::{Definition, Field, Reader, Shape, Type};
use crate::text::capitalised;

/// The API of the SDKs.
pub(crate) struct Api {
    pub(crate) services: Vec<Service>,
    /// Named types of requests and results.
    pub(crate) definitions: BTreeMap<String, Definition>,
    /// The names of the objects in `definitions` that are used in requests.
    pub(crate) sent: BTreeSet<String>,
}

/// A class with a method for each operation.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) documentation: &'static str,
    pub(crate) methods: Vec<Operation>,
    /// Options of the constructor, which are defaults for its calls.
    pub(crate) config: Vec<ServiceOption>,
}

/// The parts of an operation that the generator uses.
pub(crate) struct OperationSchemas {
    name: &'static str,
    positional: &'static [&'static str],
    is_update: bool,
    request: Value,
    answer: Value,
    route: Value,
    access: Value,
}

/// A method of a service.
pub(crate) struct Operation {
    /// The name of the operation, `service.method`.
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    /// The name of the Rust type of the request.
    pub(crate) request: String,
    pub(crate) documentation: String,
    /// The fields that are positional arguments.
    pub(crate) positional: Vec<Field>,
    /// The fields that are keyword arguments.
    pub(crate) options: Vec<Field>,
    pub(crate) answer: Type,
    /// The type of an item, if the result is a page and the request has a cursor.
    pub(crate) iterates: Option<Type>,
    /// Whether `null` differs from an absent value: an update changes only the fields that are given.
    pub(crate) is_update: bool,
    /// The descriptor for the parity tests.
    pub(crate) descriptor: Value,
}

/// The services in the order of the classes, with their documentation.
pub(crate) const SERVICES: &[(&str, &str)] = &[
    ("auth", "Accounts and sessions: sign up, log in, refresh, log out."),
    ("mfa", "Two-factor authentication."),
    ("oauth", "Login with an external account."),
    ("tenants", "Tenants and their members."),
    ("keys", "API keys of a tenant: create, update, rotate, revoke and verify them."),
    ("usage", "Usage events of a tenant, counted exactly, and quotas."),
    ("permissions", "What a user may do in a tenant."),
    ("audit", "The audit log of a tenant."),
    ("platform", "Operations for the operator."),
];

/// The service whose SDK is written by hand.
const HANDWRITTEN: &str = "keyManager";

/// An option of a service: its name, and the method and the field that it is the default of.
pub(crate) type ServiceOption = (&'static str, &'static str, &'static str);

const CONFIG: &[(&str, &[ServiceOption])] = &[(
    "keys",
    &[
        ("defaultScopes", "create", "scopes"),
        ("defaultQuotaPeriod", "create", "quotaPeriod"),
        ("defaultPrefix", "create", "prefix"),
    ],
)];

impl Api {
    pub(crate) fn from_table() -> Result<Self, String> {
        let mut read = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let mut written = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let entries =
            TABLE.iter().filter(|descriptor| descriptor.name.split('.').next() != Some(HANDWRITTEN));
        let entries: Vec<_> =
            entries.map(|descriptor| OperationSchemas::of(descriptor, &mut read, &mut written)).collect();
        Self::of(&entries, &read.take_definitions(true), &written.take_definitions(true))
    }

    /// The services of these operations, with the definitions of requests and of results.
    pub(crate) fn of(
        entries: &[OperationSchemas],
        sent: &Map<String, Value>,
        answered: &Map<String, Value>,
    ) -> Result<Self, String> {
        let (mut read, mut written) = (Reader::new(sent.clone()), Reader::new(answered.clone()));

        let mut methods: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
        for descriptor in entries {
            let (service, method) = descriptor
                .name
                .split_once('.')
                .ok_or_else(|| format!("{}: a name is service.method", descriptor.name))?;
            let mut operation = operation(descriptor, method, &mut read, &mut written)?;
            operation.descriptor = json!({
                "route": descriptor.route,
                "access": descriptor.access,
                "positional": descriptor.positional,
                "request": resolved(&descriptor.request, sent),
                "answer": resolved(&descriptor.answer, answered),
            });
            methods.entry(service).or_default().push(operation);
        }

        let mut services = Vec::new();
        for (name, documentation) in SERVICES {
            if let Some(mut methods) = methods.remove(name) {
                let config = CONFIG.iter().find(|(service, _)| service == name);
                let config = config.map(|(_, config)| config.to_vec()).unwrap_or_default();
                for (option, method, field) in &config {
                    let mut operations = methods.iter_mut().filter(|each| each.method == *method);
                    let options = operations
                        .find_map(|each| each.options.iter_mut().find(|option| option.wire == *field));
                    let Some(found) = options else {
                        return Err(format!(
                            "{name}: {option} is the default of {method}'s {field}, which does not exist"
                        ));
                    };
                    // The service has a default, so the call need not have the field.
                    found.required = false;
                }
                services.push(Service { name, documentation, methods, config });
            }
        }
        if let Some(service) = methods.keys().next() {
            return Err(format!("{service}: add this service to SERVICES in gen/src/service.rs"));
        }
        let (definitions, sent) = merged(read.definitions, written.definitions)?;
        Ok(Self { services, definitions, sent })
    }
}

impl OperationSchemas {
    fn of(
        descriptor: &'static OperationDescriptor,
        read: &mut SchemaGenerator,
        written: &mut SchemaGenerator,
    ) -> Self {
        let (request, answer) = (descriptor.schemas)(read, written);
        Self {
            name: descriptor.name,
            positional: descriptor.positional,
            is_update: descriptor.route.method == Method::Patch,
            request: request.to_value(),
            answer: answer.to_value(),
            route: json!({
                "method": format!("{:?}", descriptor.route.method).to_uppercase(),
                "path": descriptor.route.path,
                "status": descriptor.route.status,
            }),
            access: access(descriptor.access),
        }
    }
}

fn operation(
    descriptor: &OperationSchemas,
    method: &'static str,
    read: &mut Reader,
    written: &mut Reader,
) -> Result<Operation, String> {
    let (request, answer) = (&descriptor.request, &descriptor.answer);
    let (documentation, fields) = read.fields(descriptor.name, request)?;
    let kind = written.kind(descriptor.name, answer)?;
    let (mut positional, mut options) = (Vec::new(), fields);
    for name in descriptor.positional {
        let index = options.iter().position(|field| field.wire == *name);
        let index =
            index.ok_or_else(|| format!("{}: {name} is positional and not a field", descriptor.name))?;
        positional.push(options.remove(index));
    }
    let optional = positional.iter().position(|field| !field.required).unwrap_or(positional.len());
    if positional.iter().skip(optional).any(|field| field.required) {
        return Err(format!("{}: a required positional field follows an optional one", descriptor.name));
    }
    let pages = options.iter().any(|field| field.wire == "cursor");
    let iterates = match &kind {
        Type::PageOf(item) if pages => Some((**item).clone()),
        _ => None,
    };
    let name = request.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
    Ok(Operation {
        name: descriptor.name,
        method,
        request: name.unwrap_or_default().to_owned(),
        documentation,
        positional,
        options,
        answer: kind,
        iterates,
        is_update: descriptor.is_update,
        descriptor: Value::Null,
    })
}

/// The name of the method that iterates over all pages.
pub(crate) fn iterator(method: &str) -> String {
    match method.strip_prefix("list") {
        Some(rest) => format!("iterate{rest}"),
        None if method == "query" => "iterate".to_owned(),
        None => format!("iterate{}", capitalised(method)),
    }
}

fn access(access: Access) -> Value {
    match access {
        Access::Tenant(permission) => json!({ "tenant": permission }),
        other => json!(format!("{other:?}").to_lowercase()),
    }
}

/// The schema with every reference replaced by its definition.
fn resolved(schema: &Value, definitions: &Map<String, Value>) -> Value {
    match schema {
        Value::Object(words) => {
            let mut resolved_words = Map::new();
            if let Some(name) =
                words.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next())
            {
                let definition = resolved(definitions.get(name).unwrap_or(&Value::Null), definitions);
                resolved_words.extend(definition.as_object().cloned().unwrap_or_default());
            }
            let others = words.iter().filter(|(word, _)| *word != "$ref");
            resolved_words.extend(others.map(|(word, value)| (word.clone(), resolved(value, definitions))));
            Value::Object(resolved_words)
        }
        Value::Array(values) => values.iter().map(|value| resolved(value, definitions)).collect(),
        other => other.clone(),
    }
}

/// Merges the definitions of requests and results, and collects the names of objects in requests.
fn merged(
    read: BTreeMap<String, Definition>,
    written: BTreeMap<String, Definition>,
) -> Result<(BTreeMap<String, Definition>, BTreeSet<String>), String> {
    let mut definitions = written;
    let mut sent = BTreeSet::new();
    for (name, definition) in read {
        match (&definition.shape, definitions.get(&name)) {
            (Shape::Enum(_), Some(known)) if *known == definition => {}
            (_, Some(_)) => {
                return Err(format!(
                    "{name}: a type of requests and a type of results have this name: rename one of them"
                ));
            }
            (Shape::Union(_), None) => return Err(format!("{name}: a request must not be a union")),
            (shape, None) => {
                if matches!(shape, Shape::Record(_)) {
                    sent.insert(name.clone());
                }
                definitions.insert(name, definition);
            }
        }
    }
    Ok((definitions, sent))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A sample API with features that the table may or may not use.
    pub(crate) fn sample() -> Result<Api, String> {
        let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
        let listed = |name, positional, is_update, request: &str, answer| OperationSchemas {
            name,
            positional,
            is_update,
            request: reference(request),
            answer,
            route: Value::Null,
            access: Value::Null,
        };
        let text = json!({ "type": "string", "description": "Text." });
        let or_null =
            json!({ "type": ["string", "null"], "default": null, "description": "Text or nothing." });
        let texts =
            json!({ "type": "array", "items": { "type": "string" }, "default": [], "description": "Texts." });
        let count = json!({ "type": "integer", "format": "uint32", "minimum": 0, "default": 1, "description": "A count." });
        let object = |properties: Value, required: &[&str]| json!({ "type": "object", "description": "An object.", "properties": properties, "required": required, "additionalProperties": false });
        let import = json!({ "type": "array", "items": reference("ImportedKey"), "description": "Keys." });
        let sent = json!({
            "Create": object(json!({ "tenantId": text, "name": or_null, "scopes": texts, "quotaPeriod": count, "prefix": text }), &["tenantId"]),
            "Update": object(json!({ "id": text, "name": or_null }), &["id"]),
            "Import": object(json!({ "tenantId": text, "keys": import }), &["tenantId", "keys"]),
            "ImportedKey": object(json!({ "digest": text, "ownerId": or_null }), &["digest"]),
            "Check": object(json!({ "tenantId": text, "quantity": count, "apiKeyId": or_null }), &["tenantId"]),
        });
        let mut sent = sent.as_object().cloned().unwrap_or_default();
        sent["Create"]["properties"]["prefix"]["default"] = "gk_live".into();
        let answered = json!({
            "Created": object(json!({ "apiKey": reference("Key"), "plainTextKey": { "type": "string", "format": "password" } }), &["apiKey", "plainTextKey"]),
            "Key": object(json!({ "id": text, "scopes": texts }), &["id", "scopes"]),
        });
        let mut answered = answered.as_object().cloned().unwrap_or_default();
        for field in ["apiKey", "plainTextKey"] {
            answered["Created"]["properties"][field]["description"] = "A field.".into();
        }
        let entries = [
            listed("keys.create", &[], false, "Create", reference("Created")),
            listed("keys.update", &["id"], true, "Update", reference("Key")),
            listed(
                "keys.import",
                &["tenantId"],
                false,
                "Import",
                json!({ "type": "array", "items": reference("Key") }),
            ),
            listed(
                "usage.check",
                &["tenantId", "quantity", "apiKeyId"],
                false,
                "Check",
                json!({ "type": "null" }),
            ),
        ];
        Api::of(&entries, &sent, &answered)
    }

    #[test]
    fn an_undocumented_service_and_an_unknown_positional_field_are_errors() {
        assert!(sample().is_ok());
        let request = json!({ "$ref": "#/$defs/Empty" });
        let empty = json!({ "Empty": { "type": "object", "description": "Nothing.", "additionalProperties": false } });
        let descriptor = |name, positional| OperationSchemas {
            name,
            positional,
            is_update: false,
            request: request.clone(),
            answer: json!({ "type": "null" }),
            route: Value::Null,
            access: Value::Null,
        };
        let of = |descriptor| Api::of(&[descriptor], empty.as_object().unwrap(), &Map::new()).err().unwrap();
        assert!(of(descriptor("secrets.get", &[])).starts_with("secrets: add"));
        assert!(of(descriptor("auth.get", &["id"])).contains("positional and not a field"));
    }

    #[test]
    fn every_list_has_an_iterator_with_its_own_name() {
        let names = ["list", "listMembers", "query", "sessions"].map(iterator);
        assert_eq!(names, ["iterate", "iterateMembers", "iterate", "iterateSessions"]);
    }
}
