//! Examples of calls with curl.

use serde_json::Value;

use crate::http::{Call, Callers, Http, example_of, example_of_parameter};
use crate::json::pretty;

const SERVER: &str = "http://127.0.0.1:8787";

/// The call with curl.
pub(super) fn curl(http: &Http, call: &Call) -> String {
    let mut path = call.path.to_owned();
    let mut query = Vec::new();
    for parameter in call.parameters.iter().filter(|parameter| parameter.required) {
        let value = match example_of_parameter(http, parameter) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match parameter.location {
            "path" => path = path.replace(&format!("{{{}}}", parameter.name), &value),
            _ => query.push(format!("{}={value}", parameter.name)),
        }
    }
    let url = format!("{SERVER}{path}{}{}", if query.is_empty() { "" } else { "?" }, query.join("&"));
    let method = if call.method == "GET" { String::new() } else { format!("-X {} ", call.method) };
    let url = if query.is_empty() { url } else { format!("'{url}'") };
    let mut lines = vec![format!("curl {method}{url}")];
    match call.callers {
        Callers::Anyone => {}
        Callers::RootKey => {
            lines.push("-H \"Authorization: Bearer $GATEKEEPER_ROOT_KEY\"".to_owned());
        }
        _ => lines.push("-H \"Authorization: Bearer $GATEKEEPER_TOKEN\"".to_owned()),
    }
    if let Some(body) = &call.body {
        let example = example_of(http, &body.schema, true);
        if example != serde_json::json!({}) {
            lines.push("-H 'Content-Type: application/json'".to_owned());
            lines.push(format!("-d '{}'", pretty(&example)));
        }
    }
    lines.join(" \\\n  ")
}
