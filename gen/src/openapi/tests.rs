use std::collections::BTreeSet;

use gatekeeper::internal::TABLE;
use serde_json::Value;

use super::document;
use crate::http::Http;

fn sample() -> Value {
    document(&Http::from_table().unwrap())
}

/// Collects every object in a value, with its path.
fn each_object<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            found.push((path.to_owned(), value));
            for (name, inner) in fields {
                each_object(inner, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                each_object(inner, &format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn objects(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    each_object(document, "", &mut found);
    found
}

fn operation<'a>(document: &'a Value, name: &str) -> &'a Value {
    let operations = objects(document).into_iter().map(|(_, value)| value);
    let mut named = operations.filter(|value| value.get("operationId").is_some_and(|id| id == name));
    named.next().unwrap_or_else(|| panic!("{name} is not in the document"))
}

#[test]
fn every_operation_from_table_is_in_the_document_exactly_once() {
    let document = sample();
    for descriptor in TABLE {
        let method = format!("{:?}", descriptor.route.method).to_lowercase();
        let operation = &document["paths"][descriptor.route.path][&method];
        assert_eq!(operation["operationId"], descriptor.name);
        assert!(
            operation["responses"][descriptor.route.status.to_string()].is_object(),
            "{}",
            descriptor.name
        );
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{}", descriptor.name);
    }
    let all = objects(&document);
    let ids: Vec<_> = all.iter().filter_map(|(_, value)| value.get("operationId")?.as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert_eq!(ids.len(), TABLE.len() + 7);
}

#[test]
fn every_field_of_a_path_is_a_parameter() {
    let document = sample();
    for descriptor in TABLE {
        let operation = operation(&document, descriptor.name);
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_path: BTreeSet<_> = parameters
            .filter(|parameter| parameter["in"] == "path" && parameter["required"] == true)
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let named: BTreeSet<_> = descriptor
            .route
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(in_path, named, "{}", descriptor.name);
    }
}

#[test]
fn every_reference_resolves_and_every_shared_part_is_used() {
    let document = sample();
    let references: BTreeSet<_> = objects(&document)
        .into_iter()
        .filter_map(|(_, value)| value.get("$ref")?.as_str().map(str::to_owned))
        .collect();
    for reference in &references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(references.contains(&reference), "{reference} is not used");
        }
    }
}

#[test]
fn every_request_rejects_unknown_fields_except_those_for_key_manager() {
    let document = sample();
    let mut sent: Vec<(bool, String)> = objects(&document)
        .into_iter()
        .filter_map(|(path, value)| {
            let schema = value.pointer("/content/application~1json/schema/$ref")?;
            let is_key_managers = path.contains("~1api~1v1~1") || path.contains("/api/v1/");
            path.ends_with("/requestBody").then(|| (is_key_managers, schema.as_str().unwrap().to_owned()))
        })
        .collect();
    sent.push((false, "#/components/schemas/ForeignKey".to_owned()));
    assert_eq!(sent.iter().filter(|(is_key_managers, _)| *is_key_managers).count(), 6);
    for (is_key_managers, reference) in sent {
        let schema = document.pointer(&reference[1..]).unwrap();
        let expected = if is_key_managers { Value::Null } else { false.into() };
        assert_eq!(schema["additionalProperties"], expected, "{reference}");
    }
}

#[test]
fn every_error_in_the_behaviour_suite_is_documented() {
    let suite = include_str!("../../../tests/behaviour/services.json");
    let suite: Value = serde_json::from_str(suite).unwrap();
    let document = sample();
    let mut met = 0;
    for step in objects(&suite).into_iter().map(|(_, step)| step) {
        if let (Some(call), Some(status)) = (step["call"].as_str(), step["fails"]["status"].as_u64()) {
            let responses = &operation(&document, call)["responses"];
            assert!(responses[status.to_string()].is_object(), "{call} can fail with {status}");
            met += 1;
        }
    }
    assert!(met > 20);
}

#[test]
fn exactly_the_public_operations_need_no_credential() {
    let document = sample();
    for descriptor in TABLE {
        let operation = operation(&document, descriptor.name);
        let is_public = descriptor.access == gatekeeper::internal::Access::Public;
        assert_eq!(operation["security"].as_array().unwrap().is_empty(), is_public, "{}", descriptor.name);
        assert!(is_public || operation["responses"]["401"].is_object(), "{}", descriptor.name);
    }
}
