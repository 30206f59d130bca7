//! The model of the HTTP API, from which `/openapi.json`, the page of `/docs` and the reference are written.

#[cfg(test)]
mod bounds;
mod example;
mod rejections;
mod routes;
mod schemas;
mod table;

pub(crate) use example::{example_of, example_of_parameter, kinds};
pub(crate) use rejections::{RESPONSES, Rejection, Response, example as example_of_rejection};

use serde_json::{Map, Value};

/// The HTTP API.
pub(crate) struct Http {
    pub(crate) groups: Vec<Group>,
    /// Named types of requests and responses.
    pub(crate) schemas: Map<String, Value>,
}

/// The operations of one service.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) documentation: &'static str,
    pub(crate) calls: Vec<Call>,
}

/// An operation, or another route: a method of a path.
pub(crate) struct Call {
    /// The name, such as `keys.create`.
    pub(crate) name: &'static str,
    /// The HTTP method, in upper case.
    pub(crate) method: String,
    pub(crate) path: &'static str,
    pub(crate) documentation: String,
    pub(crate) callers: Callers,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    /// The status of success.
    pub(crate) status: u16,
    pub(crate) answer: Answer,
    pub(crate) rejections: Vec<Rejection>,
}

/// The callers that may use an operation.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Callers {
    Anyone,
    /// A caller with a root key or a user's access token.
    RootKeyOrUser,
    User,
    /// A caller with this permission in the tenant.
    Permission(&'static str),
    Operator,
    RootKey,
}

/// A field of a request that is sent outside its body.
pub(crate) struct Parameter {
    /// `path`, `query` or `header`.
    pub(crate) location: &'static str,
    pub(crate) name: String,
    pub(crate) documentation: String,
    pub(crate) required: bool,
    pub(crate) schema: Value,
}

/// The body of a request.
pub(crate) struct Body {
    /// A reference to a named type.
    pub(crate) schema: Value,
    /// Whether the body has a required field.
    pub(crate) required: bool,
}

/// The response of a successful call.
pub(crate) struct Answer {
    pub(crate) documentation: String,
    pub(crate) shape: Shape,
}

/// The format of a response.
pub(crate) enum Shape {
    /// `{ok: true, data}` with data of this schema.
    Enveloped(Value),
    /// An object with the field `success` and these fields.
    Successful(Value),
    /// JSON with this schema and an example.
    Json(Value, Value),
    /// Text of this media type and an example.
    Text(&'static str, &'static str),
}

impl Http {
    pub(crate) fn from_table() -> Result<Self, String> {
        let mut http = table::read()?;
        http.groups.push(routes::system());
        Ok(http)
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.groups.iter().flat_map(|group| &group.calls)
    }

    /// The schema that a reference refers to, or the schema itself.
    pub(crate) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(schemas::name_of) {
            Some(name) => self.schemas.get(name).unwrap_or(schema),
            None => schema,
        }
    }
}

impl Call {
    /// The first sentence of the documentation.
    pub(crate) fn summary(&self) -> &str {
        self.documentation
            .split_once(". ")
            .map_or(&*self.documentation, |(first, _)| first)
            .trim_end_matches('.')
    }

    /// The documentation after its first sentence.
    pub(crate) fn description(&self) -> &str {
        self.documentation.split_once(". ").map_or("", |(_, rest)| rest)
    }
}

impl Callers {
    /// The callers as a sentence.
    pub(crate) fn description(self) -> String {
        match self {
            Self::Anyone => "Anyone. Credentials are ignored.".to_owned(),
            Self::RootKeyOrUser => "A root key or a user's access token.".to_owned(),
            Self::User => "A user, with their access token.".to_owned(),
            Self::Permission(permission) => format!(
                "A caller with the permission `{permission}` in the tenant: a member by their role, an API key by its \
                 scopes, or a root key of the tenant."
            ),
            Self::Operator => {
                "Only the operator, who is not available over HTTP: every credential gets 403. Use the command line on an \
                 embedded database."
                    .to_owned()
            }
            Self::RootKey => "A root key, for its tenant.".to_owned(),
        }
    }

    /// The security schemes; one of them is sufficient.
    pub(crate) fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Anyone => &[],
            // `X-API-Key` also carries API keys, but generated clients would send both headers.
            Self::RootKeyOrUser | Self::User | Self::Operator | Self::Permission(_) => &["bearer"],
            Self::RootKey => &["rootKey"],
        }
    }
}
