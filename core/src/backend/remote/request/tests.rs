use serde_json::json;

use super::*;
use crate::operation::TABLE;

const ONE: Route = Route::new(Method::Delete, "/v1/keys/{id}", 200);

fn outgoing(route: Route, fields: Value) -> Result<Outgoing> {
    let Value::Object(fields) = fields else { panic!("an object") };
    Outgoing::of(route, Access::Known, Ok(fields))
}

#[test]
fn nothing_leaves_its_segment_of_a_path() {
    for bad in ["", ".", "..", "a/b", "a%2fb", "a?b", "a#b", "a;b", "a b", "é", "a\\b", "a\nb"] {
        let rejection = outgoing(ONE, json!({ "id": bad })).err().expect(bad);
        assert_eq!(rejection.status(), 400);
        assert!(rejection.message().starts_with("id must be"), "{rejection}");
    }
    for bad in [json!(1), json!(null), json!(["a"]), json!({})] {
        assert!(outgoing(ONE, json!({ "id": bad })).is_err());
    }
    assert!(outgoing(ONE, json!({})).is_err());
    assert_eq!(outgoing(ONE, json!({ "id": "key_0" })).unwrap().path, "/v1/keys/key_0");
}

#[test]
fn every_name_in_a_path_of_the_table_stands_alone_in_its_segment() {
    for descriptor in TABLE {
        for segment in descriptor.route.path.split('/') {
            let is_name = segment.starts_with('{') && segment.ends_with('}');
            assert!(is_name || !segment.contains(['{', '}']), "{}", descriptor.route.path);
        }
    }
}

#[test]
fn a_query_leaves_out_what_is_null_and_repeats_a_list() {
    let list = Route::new(Method::Get, "/v1/keys", 200);
    let fields = json!({ "limit": 7, "cursor": null, "is": true, "role": ["a", "b"], "none": [] });
    let request = outgoing(list, fields).unwrap();
    let query: Vec<_> = request.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(query, [("is", "true"), ("limit", "7"), ("role", "a"), ("role", "b")]);
    assert!(request.body.is_none() && request.is_repeatable);
    assert!(outgoing(list, json!({ "a": { "b": 1 } })).is_err());
}

#[test]
fn a_body_keeps_null_and_is_sent_once_unless_it_has_an_idempotency_key() {
    let change = Route::new(Method::Patch, "/v1/keys/{id}", 200);
    let request = outgoing(change, json!({ "id": "key_0", "name": null })).unwrap();
    assert_eq!((request.body.as_deref(), request.is_repeatable), (Some(r#"{"name":null}"#), false));

    let record = Route::new(Method::Post, "/v1/usage/record", 201);
    let given = outgoing(record, json!({ "idempotencyKey": "a" })).unwrap();
    assert_eq!((given.own_key(), given.is_repeatable), (None, true));
    let made = outgoing(record, json!({ "idempotencyKey": null })).unwrap();
    let key = made.own_key().unwrap();
    assert_eq!(made.body.as_deref(), Some(&*format!(r#"{{"idempotencyKey":"{key}"}}"#)));
    assert!(made.is_repeatable && key.len() == 22);
}
