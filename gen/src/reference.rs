//! The HTTP API in words: what the page of `/docs` and the reference in `docs/` have in common, and both of them.
//!
//! Words are marked up as Markdown marks them, in three ways only: `` `code` ``, `**strong**` and `[text](#anchor)`.

mod example;
mod markdown;
mod page;
mod row;

pub(crate) use markdown::markdown;
pub(crate) use page::page;

use serde_json::Value;

use crate::http::{Call, Http, Shape};
use crate::openapi;
use row::{Row, kind_of, rows_of};

/// What is said of credentials.
const CREDENTIALS: &str = "\
A call that is not for anybody carries one credential: `Authorization: Bearer` with a user's access token, an API key or \
a root key, or `X-API-Key` with an API key. The key manager's calls take a root key, as `Bearer` or without a scheme. The \
same credential twice is one; two that differ are rejected. `Authorization` with another scheme, such as a proxy's \
`Basic`, is not read.";

/// What is said of the address of gateways.
const GATEWAYS: &str = "\
What gateways ask, `/check` and `/check/nginx`, is served on an address of its own and is not part of this API.";

/// The heading of a call, as GitHub names it in a link.
fn anchor(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|each| each.to_ascii_lowercase()).collect()
}

/// The same of the type `name`, which may be called as a call is.
fn anchor_of_type(name: &str) -> String {
    format!("type-{}", anchor(name))
}

/// What a call takes, field by field.
fn fields(http: &Http, call: &Call) -> Vec<Row> {
    let mut rows: Vec<Row> =
        call.parameters.iter().map(|parameter| Row::of_parameter(http, parameter)).collect();
    if let Some(body) = &call.body {
        rows.extend(rows_of(http, http.resolved(&body.schema), "body"));
    }
    rows
}

/// What success is, in words.
fn success(http: &Http, call: &Call) -> String {
    let told = &call.answer.documentation;
    match &call.answer.shape {
        Shape::Enveloped(data) if data.get("type") == Some(&"null".into()) => told.clone(),
        Shape::Enveloped(data) => match &*kind_of(http, data) {
            kind if told == "The answer." => format!("`data` is {kind}."),
            kind => format!("`data` is {kind}. {told}"),
        },
        Shape::Successful(fields) => {
            format!("`success` and the fields of {}. {told}", kind_of(http, fields))
        }
        Shape::Json(..) => told.clone(),
        Shape::Text(media, _) => format!("`{media}`."),
    }
}

/// The statuses of failure, and what this call means by those that it alone means so.
fn failures(call: &Call) -> String {
    let statuses: Vec<_> = call.rejections.iter().map(|each| each.status.to_string()).collect();
    let own = call.rejections.iter().filter(|each| matches!(each.status, 402 | 409));
    let own: Vec<_> = own.map(|each| format!("**{}:** {}", each.status, each.documentation)).collect();
    [vec![format!("[Fails](#errors) with {}.", statuses.join(", "))], own].concat().join(" ")
}

/// An example of a whole answer, where it is worth showing.
fn answer(http: &Http, call: &Call) -> Option<Value> {
    let shape = &call.answer.shape;
    match shape {
        Shape::Text(..) => None,
        Shape::Json(..) if call.name == "openapi" => None,
        _ => Some(openapi::example(http, shape, &openapi::whole(shape))),
    }
}

/// Every type that is worth a heading, with what it is.
fn types(http: &Http) -> Vec<(&String, &Value)> {
    let sent: Vec<_> = http
        .calls()
        .filter_map(|call| call.body.as_ref()?.schema.get("$ref")?.as_str()?.rsplit('/').next())
        .collect();
    // What a call takes stands with the call.
    http.schemas.iter().filter(|(name, _)| !sent.contains(&&***name)).collect()
}

#[cfg(test)]
mod tests;
