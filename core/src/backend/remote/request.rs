//! The HTTP request of an operation, from its fields.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::authz::Access;
use crate::error::{GatekeeperError, Result};
use crate::id::KeyId;
use crate::operation::{Fields, Method, Route};
use crate::secret::random;

/// The field of the idempotency key.
const IDEMPOTENCY_KEY: &str = "idempotencyKey";

/// A request, which may be sent several times.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// A JSON object.
    pub(super) body: Option<String>,
    /// Whether it may be retried even if the server may have run it.
    pub(super) is_repeatable: bool,
    /// The idempotency key, if this client generated it.
    own_key: Option<String>,
    named_id: Option<KeyId>,
}

impl Outgoing {
    /// The request of an operation.
    ///
    /// # Errors
    /// `bad_request` for a value that cannot be part of a path, and the errors of the fields.
    pub(super) fn of(route: Route, access: Access, fields: Result<Fields>) -> Result<Self> {
        let mut fields = fields?;
        let named_id = fields.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let own_key = make_idempotent(&mut fields)?;
        let path = path(route.path, &mut fields)?;
        let is_read = route.method == Method::Get;
        let is_repeatable = is_read || fields.contains_key(IDEMPOTENCY_KEY);
        // The `DELETE` of the key manager has a body, too.
        let (query, body) = if is_read || (route.method == Method::Delete && access != Access::KeyManager) {
            (query(fields)?, None)
        } else {
            (Vec::new(), Some(Value::Object(fields).to_string()))
        };
        Ok(Self { method: route.method, path, query, body, is_repeatable, own_key, named_id })
    }

    /// A request to `route` with the JSON object `body`. It is not retried after it may have reached the server.
    pub(super) fn with_body(route: Route, body: String) -> Self {
        Self {
            method: route.method,
            path: route.path.to_owned(),
            query: Vec::new(),
            body: Some(body),
            is_repeatable: false,
            own_key: None,
            named_id: None,
        }
    }

    /// The key that the request names, if any.
    pub(super) fn named_id(&self) -> Option<KeyId> {
        self.named_id
    }

    /// The idempotency key that this client generated, which the caller does not know.
    pub(super) fn own_key(&self) -> Option<&str> {
        self.own_key.as_deref()
    }
}

/// Generates an idempotency key if the operation accepts one and the request has none.
fn make_idempotent(fields: &mut Fields) -> Result<Option<String>> {
    let Some(field) = fields.get_mut(IDEMPOTENCY_KEY).filter(|field| field.is_null()) else {
        return Ok(None);
    };
    let key = URL_SAFE_NO_PAD.encode(random::<16>()?);
    *field = Value::from(key.as_str());
    Ok(Some(key))
}

/// The path, with each `{name}` replaced by its field, which is removed from the fields.
fn path(template: &str, fields: &mut Fields) -> Result<String> {
    let mut path = String::with_capacity(template.len() + 32);
    for segment in template.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => path.push_str(segment),
            Some(name) => path.push_str(&path_field(name, fields)?),
        }
    }
    Ok(path)
}

/// A field as one segment of a path. Only characters that need no encoding are allowed, so that no proxy can read it as
/// another path, such as one with `..`.
fn path_field(name: &str, fields: &mut Fields) -> Result<String> {
    let is_plain = |text: &str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    match fields.remove(name) {
        Some(Value::String(text)) if is_plain(&text) => Ok(text),
        _ => Err(GatekeeperError::bad_request(format!(
            "{name} must be 1 to 128 of A-Z, a-z, 0-9, _ and -: it is part of a path"
        ))),
    }
}

/// The fields as a query. Null is omitted; a list repeats the name.
fn query(fields: Fields) -> Result<Vec<(String, String)>> {
    let mut query = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let values = if let Value::Array(values) = value { values } else { vec![value] };
        for value in values {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(GatekeeperError::internal("a query with a nested value"));
                }
            };
            query.push((name.clone(), text));
        }
    }
    Ok(query)
}

#[cfg(test)]
mod tests;
