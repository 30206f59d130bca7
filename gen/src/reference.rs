//! The reference of the HTTP API: the content that the page of `/docs` and the reference in `docs/` share.
//!
//! Text uses a subset of Markdown: `` `code` ``, `**strong**` and `[text](#anchor)`.

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

/// The section about credentials.
const CREDENTIALS: &str = "\
A call that is not public needs one credential: `Authorization: Bearer` with a user's access token, an API key or a root \
key, or `X-API-Key` with an API key. The key manager's calls accept a root key, as `Bearer` or without a scheme. The same \
credential may be sent twice; two different credentials are rejected. `Authorization` with another scheme, such as a \
proxy's `Basic`, is ignored.";

/// The section about gateways.
const GATEWAYS: &str = "\
The routes for gateways, `/check` and `/check/nginx`, are served on a separate address and are not part of this API.";

/// The anchor of a heading, as GitHub generates it.
fn anchor(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|each| each.to_ascii_lowercase()).collect()
}

/// The anchor of the type `name`, which may have the same name as a call.
fn anchor_of_type(name: &str) -> String {
    format!("type-{}", anchor(name))
}

/// The fields of a request.
fn fields(http: &Http, call: &Call) -> Vec<Row> {
    let mut rows: Vec<Row> =
        call.parameters.iter().map(|parameter| Row::of_parameter(http, parameter)).collect();
    if let Some(body) = &call.body {
        rows.extend(rows_of(http, http.resolved(&body.schema), "body"));
    }
    rows
}

/// The response of a successful call, as text.
fn success(http: &Http, call: &Call) -> String {
    let documentation = &call.answer.documentation;
    match &call.answer.shape {
        Shape::Enveloped(data) if data.get("type") == Some(&"null".into()) => documentation.clone(),
        Shape::Enveloped(data) => match &*kind_of(http, data) {
            kind if documentation == "The result." => format!("`data` is {kind}."),
            kind => format!("`data` is {kind}. {documentation}"),
        },
        Shape::Successful(fields) => {
            format!("`success` and the fields of {}. {documentation}", kind_of(http, fields))
        }
        Shape::Json(..) => documentation.clone(),
        Shape::Text(media, _) => format!("`{media}`."),
    }
}

/// The error statuses of a call, with the documentation of those that are specific to it.
fn failures(call: &Call) -> String {
    let statuses: Vec<_> = call.rejections.iter().map(|each| each.status.to_string()).collect();
    let own = call.rejections.iter().filter(|each| matches!(each.status, 402 | 409));
    let own: Vec<_> = own.map(|each| format!("**{}:** {}", each.status, each.documentation)).collect();
    [vec![format!("[Errors](#errors): {}.", statuses.join(", "))], own].concat().join(" ")
}

/// An example of the response, if it is useful.
fn answer(http: &Http, call: &Call) -> Option<Value> {
    let shape = &call.answer.shape;
    match shape {
        Shape::Text(..) => None,
        Shape::Json(..) if call.name == "openapi" => None,
        _ => Some(openapi::example(http, shape, &openapi::whole(shape))),
    }
}

/// The types that have a section of their own.
fn types(http: &Http) -> Vec<(&String, &Value)> {
    let sent: Vec<_> = http
        .calls()
        .filter_map(|call| call.body.as_ref()?.schema.get("$ref")?.as_str()?.rsplit('/').next())
        .collect();
    // The fields of a request are documented with its call.
    http.schemas.iter().filter(|(name, _)| !sent.contains(&&***name)).collect()
}

#[cfg(test)]
mod tests;
