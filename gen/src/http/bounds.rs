//! Every bound that the table declares, asked of the engine: what lies at it is taken, what lies one past it is rejected, and
//! the sentence says so of the value, however that is written.

use std::collections::BTreeSet;

use gatekeeper::{Gatekeeper, Request, TABLE, UnknownFields};
use serde_json::{Map, Value, json};

use super::{Call, Http, example_of, example_of_parameter, kinds};

/// How many different items lists of these names have at most: JSON schema cannot say it of those whose repetitions count
/// once.
const MAX_ITEMS: [(&str, usize); 4] = [("scopes", 100), ("roles", 1000), ("variables", 1000), ("keys", 1000)];

/// A call with a place to make it at.
struct Asking<'a> {
    gatekeeper: &'a Gatekeeper,
    call: &'a Call,
    request: Map<String, Value>,
}

impl Asking<'_> {
    /// What is said of the request with `raw`, which is JSON, as the field; none where another field or nothing is wrong.
    fn rejection(&self, field: &str, raw: &str) -> Option<String> {
        let mut request = self.request.clone();
        request.insert(field.to_owned(), json!("@raw@"));
        let json = Value::Object(request).to_string().replace("\"@raw@\"", raw);
        self.named(field, self.gatekeeper.call_json_blocking(self.call.name, &json))
    }

    /// The same with a text of a query.
    fn rejection_of_text(&self, field: &str, text: &str) -> Option<String> {
        let mut request = self.request.clone();
        request.remove(field);
        let descriptor = TABLE.iter().find(|descriptor| descriptor.name == self.call.name).unwrap();
        let (json, texts) = (Value::Object(request).to_string(), [(field.to_owned(), text.to_owned())]);
        let request = Request { json: &json, texts: &texts, unknown_fields: UnknownFields::Rejected };
        self.named(field, self.gatekeeper.dispatch_blocking(descriptor, request))
    }

    fn named(&self, field: &str, answer: gatekeeper::Result<String>) -> Option<String> {
        let error = answer.err().filter(|error| error.status() == 400)?;
        let message = error.message().to_owned();
        let ends = |rest: &str| rest.starts_with([' ', ':', '[', '.']);
        assert!(!message.contains("not JSON"), "{}: {message}", self.call.name);
        message.strip_prefix(field).is_some_and(ends).then_some(message)
    }

    #[track_caller]
    fn takes(&self, field: &str, raw: &str) {
        let rejection = self.rejection(field, raw);
        assert_eq!(rejection, None, "{}: {field} {}", self.call.name, start(raw));
    }

    #[track_caller]
    fn rejects(&self, field: &str, raw: &str, words: &[&str]) {
        let rejection = self.rejection(field, raw).unwrap_or_else(|| {
            panic!("{}: {field} takes {}", self.call.name, start(raw));
        });
        let plain = rejection.replace(',', "");
        for word in words {
            assert!(plain.contains(word), "{}: {rejection:?} says nothing of {word}", self.call.name);
        }
    }
}

fn start(raw: &str) -> String {
    raw.chars().take(40).collect()
}

/// Each operation of the table, asked with its example, and the schemas of its fields.
fn asked(http: &Http, mut ask: impl FnMut(&Asking<'_>, &str, &Value)) {
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
        let asking = Asking { gatekeeper: &gatekeeper, call, request };
        for (field, schema) in &fields {
            ask(&asking, field, schema);
        }
    }
}

#[test]
fn what_is_said_of_a_whole_number_is_true_of_it_however_it_is_written() {
    let http = Http::of_the_table().unwrap();
    let mut count = 0;
    asked(&http, |asking, field, schema| {
        if !kinds(schema).contains(&"integer") {
            return;
        }
        count += 1;
        let is_text =
            asking.call.parameters.iter().any(|each| each.name == field && each.location == "query");
        let min = schema["minimum"].as_i64().unwrap_or_else(|| panic!("{field} has no minimum"));
        let max = schema["maximum"].as_i64();
        let whole = format!("{field} must be a whole number");
        for number in [Some(min), max].into_iter().flatten() {
            for written in [format!("{number}"), format!("{number}.0"), format!("{number}e0")] {
                asking.takes(field, &written);
                if is_text {
                    assert_eq!(asking.rejection_of_text(field, &written), None, "{field} {written}");
                }
            }
            asking.rejects(field, &format!("\"{number}\""), &[&whole, "without quotes"]);
            asking.rejects(field, &format!("{number}.5"), &[&whole]);
        }
        let range = max.map(|max| format!("from {min} to {max}"));
        let words: Vec<&str> = [&whole].into_iter().chain(&range).map(String::as_str).collect();
        for number in [Some(min - 1), max.map(|max| max + 1)].into_iter().flatten() {
            for written in [format!("{number}"), format!("{number}.0"), format!("{number}e0")] {
                asking.rejects(field, &written, &words);
                if is_text {
                    assert!(asking.rejection_of_text(field, &written).is_some(), "{field} {written}");
                }
            }
        }
        for large in ["99999999999999999999", "1e300"] {
            match max {
                Some(_) => asking.rejects(field, large, &words),
                // More than there can be counts as that.
                None => asking.takes(field, large),
            }
        }
        for wrong in ["true", "[1]", "{}"] {
            asking.rejects(field, wrong, &words);
        }
    });
    assert!(count >= 18, "{count}");
}

/// So many bytes of text that is no word of anyone's.
fn text(bytes: usize) -> String {
    "q7x-".chars().cycle().take(bytes).collect()
}

#[test]
fn what_is_said_of_a_text_is_true_of_it() {
    let http = Http::of_the_table().unwrap();
    let mut count = 0;
    asked(&http, |asking, field, schema| {
        let Some(most) = schema["maxLength"]
            .as_u64()
            .filter(|_| schema.get("format").is_none_or(|each| each == "password"))
        else {
            return;
        };
        count += 1;
        let most = usize::try_from(most).unwrap();
        asking.takes(field, &json!(text(most)).to_string());
        // An escape is another way to write the same.
        asking.takes(field, &format!("\"\\u0071{}\"", text(most - 1)));
        asking.rejects(field, &json!(text(most + 1)).to_string(), &[&most.to_string()]);
        if schema.get("x-maxBytes").is_some() {
            asking.takes(field, &json!("é".repeat(most / 2)).to_string());
            asking.rejects(
                field,
                &json!("é".repeat(most / 2 + 1)).to_string(),
                &[&most.to_string(), "bytes"],
            );
        }
        match schema["minLength"].as_u64() {
            Some(1) => asking.rejects(field, "\"\"", &[]),
            Some(least) => {
                let least = usize::try_from(least).unwrap();
                asking.takes(field, &json!(text(least)).to_string());
                asking.rejects(field, &json!(text(least - 1)).to_string(), &[&least.to_string()]);
            }
            None => {}
        }
        if schema.get("pattern").is_some() {
            asking.rejects(field, "\"a\\u0000b\"", &[]);
        }
        asking.rejects(field, "5", &["must be a string"]);
    });
    assert!(count >= 20, "{count}");
}

#[test]
fn what_is_said_of_a_list_is_true_of_it() {
    let http = Http::of_the_table().unwrap();
    let mut count = 0;
    asked(&http, |asking, field, schema| {
        let Some((_, most)) = MAX_ITEMS.iter().find(|(name, _)| *name == field) else { return };
        if !kinds(schema).contains(&"array") {
            return;
        }
        count += 1;
        let item = |number: usize| match field {
            "keys" => json!({ "digest": format!("{number:064x}") }),
            _ => json!(format!("n{number}")),
        };
        let list = |count: usize| (0..count).map(item).collect::<Value>().to_string();
        asking.takes(field, &list(*most));
        asking.rejects(field, &list(most + 1), &[&most.to_string()]);
        if matches!(field, "scopes" | "roles") {
            // A repetition counts once.
            asking.takes(field, &json!(vec!["same"; most + 1]).to_string());
            asking.takes(field, &json!([text(128)]).to_string());
            asking.rejects(field, &json!([text(129)]).to_string(), &["128 bytes"]);
            asking.rejects(field, r#"[""]"#, &[]);
        }
        if field == "variables" {
            asking.takes(field, &json!([text(8192)]).to_string());
            asking.rejects(field, &json!([text(8192), "a"]).to_string(), &["8 KiB"]);
        }
        asking.rejects(field, "\"one\"", &["must be a list"]);
    });
    assert!(count >= 10, "{count}");
}
