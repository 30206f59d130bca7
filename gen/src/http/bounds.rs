//! Tests every bound in the table against the engine: a value at the bound is accepted, a value beyond it is rejected,
//! and the message states the bound, in every notation of the value.

use std::collections::BTreeSet;

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::internal::{Request, TABLE, UnknownFields};
use serde_json::{Map, Value, json};

use super::{Call, Http, example_of, example_of_parameter, kinds};

/// The maximum number of distinct items in lists with these names. JSON schema cannot express it, because repetitions
/// count once.
const MAX_ITEMS: [(&str, usize); 4] = [("scopes", 100), ("roles", 1000), ("variables", 1000), ("keys", 1000)];

/// An operation, its example request, and an engine to call it on.
struct Probe<'a> {
    gatekeeper: &'a Gatekeeper,
    call: &'a Call,
    request: Map<String, Value>,
}

impl Probe<'_> {
    /// The message about `field` for a request with `raw` JSON as its value; `None` if the field is accepted.
    fn rejection(&self, field: &str, raw: &str) -> Option<String> {
        let mut request = self.request.clone();
        request.insert(field.to_owned(), json!("@raw@"));
        let json = Value::Object(request).to_string().replace("\"@raw@\"", raw);
        self.named(field, self.gatekeeper.call_json(self.call.name, &json))
    }

    /// The same for a value from a query string.
    fn rejection_of_text(&self, field: &str, text: &str) -> Option<String> {
        let mut request = self.request.clone();
        request.remove(field);
        let descriptor = TABLE.iter().find(|descriptor| descriptor.name == self.call.name).unwrap();
        let (json, texts) = (Value::Object(request).to_string(), [(field.to_owned(), text.to_owned())]);
        let request = Request { json: &json, texts: &texts, unknown_fields: UnknownFields::Rejected };
        self.named(field, self.gatekeeper.dispatch(descriptor, request))
    }

    fn named(&self, field: &str, answer: gatekeeper::Result<String>) -> Option<String> {
        let error = answer.err().filter(|error| error.status() == 400)?;
        let message = error.message().to_owned();
        let ends = |rest: &str| rest.starts_with([' ', ':', '[', '.']);
        assert!(!message.contains("not JSON"), "{}: {message}", self.call.name);
        message.strip_prefix(field).is_some_and(ends).then_some(message)
    }

    #[track_caller]
    fn accepts(&self, field: &str, raw: &str) {
        let rejection = self.rejection(field, raw);
        assert_eq!(rejection, None, "{}: {field} {}", self.call.name, start(raw));
    }

    #[track_caller]
    fn rejects(&self, field: &str, raw: &str, words: &[&str]) {
        let rejection = self.rejection(field, raw).unwrap_or_else(|| {
            panic!("{}: {field} accepts {}", self.call.name, start(raw));
        });
        let plain = rejection.replace(',', "");
        for word in words {
            assert!(plain.contains(word), "{}: {rejection:?} does not contain {word}", self.call.name);
        }
    }
}

fn start(raw: &str) -> String {
    raw.chars().take(40).collect()
}

/// Calls `test` with every field of every operation, and the example request of the operation.
fn for_each_field(http: &Http, mut test: impl FnMut(&Probe<'_>, &str, &Value)) {
    let gatekeeper = Gatekeeper::open("memory:").unwrap();
    let names: BTreeSet<&str> = TABLE.iter().map(|descriptor| descriptor.name).collect();
    for call in http.calls().filter(|call| names.contains(call.name)) {
        let mut fields: Map<String, Value> = Map::new();
        let mut request = Map::new();
        if let Some(body) = &call.body {
            let schema = http.resolved(&body.schema);
            fields.extend(schema["properties"].as_object().cloned().unwrap_or_default());
            request.extend(example_of(http, &body.schema, true).as_object().cloned().unwrap_or_default());
        }
        for parameter in call.parameters.iter().filter(|parameter| parameter.location != "header") {
            fields.insert(parameter.name.clone(), parameter.schema.clone());
            if parameter.required {
                request.insert(parameter.name.clone(), example_of_parameter(http, parameter));
            }
        }
        let probe = Probe { gatekeeper: &gatekeeper, call, request };
        for (field, schema) in &fields {
            test(&probe, field, schema);
        }
    }
}

#[test]
fn every_bound_of_an_integer_is_enforced_in_every_notation() {
    let http = Http::from_table().unwrap();
    let mut count = 0;
    for_each_field(&http, |probe, field, schema| {
        if !kinds(schema).contains(&"integer") {
            return;
        }
        count += 1;
        let is_text = probe.call.parameters.iter().any(|each| each.name == field && each.location == "query");
        let min = schema["minimum"].as_i64().unwrap_or_else(|| panic!("{field} has no minimum"));
        let max = schema["maximum"].as_i64();
        let whole = format!("{field} must be a whole number");
        for number in [Some(min), max].into_iter().flatten() {
            for written in [format!("{number}"), format!("{number}.0"), format!("{number}e0")] {
                probe.accepts(field, &written);
                if is_text {
                    assert_eq!(probe.rejection_of_text(field, &written), None, "{field} {written}");
                }
            }
            probe.rejects(field, &format!("\"{number}\""), &[&whole, "without quotes"]);
            probe.rejects(field, &format!("{number}.5"), &[&whole]);
        }
        let range = max.map(|max| format!("from {min} to {max}"));
        let words: Vec<&str> = [&whole].into_iter().chain(&range).map(String::as_str).collect();
        for number in [Some(min - 1), max.map(|max| max + 1)].into_iter().flatten() {
            for written in [format!("{number}"), format!("{number}.0"), format!("{number}e0")] {
                probe.rejects(field, &written, &words);
                if is_text {
                    assert!(probe.rejection_of_text(field, &written).is_some(), "{field} {written}");
                }
            }
        }
        for large in ["99999999999999999999", "1e300"] {
            match max {
                Some(_) => probe.rejects(field, large, &words),
                // A larger number than any possible one means "as many as possible".
                None => probe.accepts(field, large),
            }
        }
        for wrong in ["true", "[1]", "{}"] {
            probe.rejects(field, wrong, &words);
        }
    });
    assert!(count >= 18, "{count}");
}

/// Text of this length that is not a common password.
fn text(bytes: usize) -> String {
    "q7x-".chars().cycle().take(bytes).collect()
}

#[test]
fn every_bound_of_a_text_is_enforced() {
    let http = Http::from_table().unwrap();
    let mut count = 0;
    for_each_field(&http, |probe, field, schema| {
        let Some(max) = schema["maxLength"]
            .as_u64()
            .filter(|_| schema.get("format").is_none_or(|each| each == "password"))
        else {
            return;
        };
        count += 1;
        let max = usize::try_from(max).unwrap();
        probe.accepts(field, &json!(text(max)).to_string());
        // An escape sequence is another notation of the same text.
        probe.accepts(field, &format!("\"\\u0071{}\"", text(max - 1)));
        probe.rejects(field, &json!(text(max + 1)).to_string(), &[&max.to_string()]);
        if schema.get("x-maxBytes").is_some() {
            probe.accepts(field, &json!("é".repeat(max / 2)).to_string());
            probe.rejects(field, &json!("é".repeat(max / 2 + 1)).to_string(), &[&max.to_string(), "bytes"]);
        }
        match schema["minLength"].as_u64() {
            Some(1) => probe.rejects(field, "\"\"", &[]),
            Some(min) => {
                let min = usize::try_from(min).unwrap();
                probe.accepts(field, &json!(text(min)).to_string());
                probe.rejects(field, &json!(text(min - 1)).to_string(), &[&min.to_string()]);
            }
            None => {}
        }
        if schema.get("pattern").is_some() {
            probe.rejects(field, "\"a\\u0000b\"", &[]);
        }
        probe.rejects(field, "5", &["must be a string"]);
    });
    assert!(count >= 20, "{count}");
}

#[test]
fn every_bound_of_a_list_is_enforced() {
    let http = Http::from_table().unwrap();
    let mut count = 0;
    for_each_field(&http, |probe, field, schema| {
        let Some((_, max)) = MAX_ITEMS.iter().find(|(name, _)| *name == field) else { return };
        if !kinds(schema).contains(&"array") {
            return;
        }
        count += 1;
        let item = |number: usize| match field {
            "keys" => json!({ "digest": format!("{number:064x}") }),
            _ => json!(format!("n{number}")),
        };
        let list = |count: usize| (0..count).map(item).collect::<Value>().to_string();
        probe.accepts(field, &list(*max));
        probe.rejects(field, &list(max + 1), &[&max.to_string()]);
        if matches!(field, "scopes" | "roles") {
            // A repetition counts once.
            probe.accepts(field, &json!(vec!["same"; max + 1]).to_string());
            probe.accepts(field, &json!([text(128)]).to_string());
            probe.rejects(field, &json!([text(129)]).to_string(), &["128 bytes"]);
            probe.rejects(field, r#"[""]"#, &[]);
        }
        if field == "variables" {
            probe.accepts(field, &json!([text(8192)]).to_string());
            probe.rejects(field, &json!([text(8192), "a"]).to_string(), &["8 KiB"]);
        }
        probe.rejects(field, "\"one\"", &["must be a list"]);
    });
    assert!(count >= 10, "{count}");
}
