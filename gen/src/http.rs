//! The HTTP API, as far as documents tell of it: one model, which `/openapi.json`, the page and the reference are
//! written from.

#[cfg(test)]
mod bounds;
mod by_hand;
mod example;
mod rejections;
mod schemas;
mod table;

pub(crate) use example::{example_of, example_of_parameter, kinds};
pub(crate) use rejections::{RESPONSES, Rejection, Response, example as example_of_rejection};

use serde_json::{Map, Value};

/// All that is served.
pub(crate) struct Http {
    pub(crate) groups: Vec<Group>,
    /// Types with names, of requests and of answers.
    pub(crate) schemas: Map<String, Value>,
}

/// Calls that belong together.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) documentation: &'static str,
    pub(crate) calls: Vec<Call>,
}

/// A method of a path.
pub(crate) struct Call {
    /// Such as `keys.create`.
    pub(crate) name: &'static str,
    /// In upper case.
    pub(crate) method: String,
    pub(crate) path: &'static str,
    pub(crate) documentation: String,
    pub(crate) callers: CredentialCache,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    /// The status of success.
    pub(crate) status: u16,
    pub(crate) answer: Answer,
    pub(crate) rejections: Vec<Rejection>,
}

/// Who may call.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum CredentialCache {
    Anybody,
    /// Whoever has a root key or a user's access token.
    Known,
    User,
    /// Whoever has this permission in the tenant.
    Permitted(&'static str),
    Operator,
    RootKey,
}

/// A field of a request that is not in its body.
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
    /// A reference to a type with a name.
    pub(crate) schema: Value,
    /// Whether there is a field that must be given.
    pub(crate) required: bool,
}

/// What success looks like.
pub(crate) struct Answer {
    pub(crate) documentation: String,
    pub(crate) shape: Shape,
}

/// How an answer is written.
pub(crate) enum Shape {
    /// `{ok: true, data}`, `data` like this.
    Enveloped(Value),
    /// `{success: true}` with these fields beside it.
    Successful(Value),
    /// JSON like this, and an example of it.
    Json(Value, Value),
    /// A text of this type, and an example of it.
    Text(&'static str, &'static str),
}

impl Http {
    pub(crate) fn of_the_table() -> Result<Self, String> {
        let mut http = table::read()?;
        http.groups.push(by_hand::system());
        Ok(http)
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.groups.iter().flat_map(|group| &group.calls)
    }

    /// What a schema is, where it refers to a type with a name.
    pub(crate) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(schemas::name_of) {
            Some(name) => self.schemas.get(name).unwrap_or(schema),
            None => schema,
        }
    }
}

impl Call {
    /// The first sentence of what is said of it.
    pub(crate) fn summary(&self) -> &str {
        self.documentation
            .split_once(". ")
            .map_or(&*self.documentation, |(first, _)| first)
            .trim_end_matches('.')
    }

    /// All that follows.
    pub(crate) fn description(&self) -> &str {
        self.documentation.split_once(". ").map_or("", |(_, rest)| rest)
    }
}

impl CredentialCache {
    /// In words.
    pub(crate) fn told(self) -> String {
        match self {
            Self::Anybody => "Anybody; a credential is not looked at.".to_owned(),
            Self::Known => "A root key, or a user's access token.".to_owned(),
            Self::User => "A user, by their access token.".to_owned(),
            Self::Permitted(permission) => format!(
                "Whoever has the permission `{permission}` in the tenant: a member by their role, an API key by its \
                 scopes, a root key of the tenant."
            ),
            Self::Operator => {
                "Whoever runs the place: nobody over HTTP yet, so that every credential is answered 403. Use the \
                 command line beside the database."
                    .to_owned()
            }
            Self::RootKey => "A root key, for its tenant.".to_owned(),
        }
    }

    /// The security schemes, each of which is enough.
    pub(crate) fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Anybody => &[],
            // Not also `X-API-Key`, which carries an API key as well: generated clients would send both.
            Self::Known | Self::User | Self::Operator | Self::Permitted(_) => &["bearer"],
            Self::RootKey => &["rootKey"],
        }
    }
}
