//! Reads the subset of JSON schema that the operations use. Any other schema is an error, so that nothing is generated
//! from a schema that was misunderstood.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::text::prose;

/// The type of a field or of a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Text {
        secret: bool,
    },
    Boolean,
    Integer,
    Number,
    /// No result.
    Nothing,
    /// Any JSON value.
    Anything,
    /// A JSON object with any fields.
    Object,
    List(Box<Type>),
    OrNull(Box<Type>),
    PageOf(Box<Type>),
    Named(String),
    /// Exactly this text.
    Word(String),
    /// One of several types.
    Either(Vec<Type>),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) wire: String,
    pub(crate) documentation: String,
    pub(crate) kind: Type,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
}

/// The structure of a named type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// An object with these fields.
    Record(Vec<Field>),
    /// One of these texts, each with its documentation.
    Enum(Vec<(String, String)>),
    /// One of these named types.
    Union(Vec<String>),
}

/// A named type with its documentation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) documentation: String,
    pub(crate) shape: Shape,
}

/// Reads types, and collects the definitions that they refer to.
pub(crate) struct Reader {
    schemas: Map<String, Value>,
    pub(crate) definitions: BTreeMap<String, Definition>,
}

/// Keywords that do not affect the generated types: the core enforces bounds.
const IGNORED: [&str; 11] = [
    "description",
    "default",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "propertyNames",
    "x-maxBytes",
];
const INTEGERS: [&str; 9] =
    ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "uint"];

impl Reader {
    pub(crate) fn new(schemas: Map<String, Value>) -> Self {
        Self { schemas, definitions: BTreeMap::new() }
    }

    /// The type of `schema`, which is at the path `at`.
    pub(crate) fn kind(&mut self, at: &str, schema: &Value) -> Result<Type, String> {
        if schema == &Value::Bool(true) {
            return Ok(Type::Anything);
        }
        let unknown = || format!("{at}: the generator does not support this schema: {schema}");
        let mut rest = schema.as_object().ok_or_else(unknown)?.clone();
        rest.retain(|word, _| !IGNORED.contains(&word.as_str()));

        if let Some(reference) = rest.remove("$ref") {
            let name = name_of(&reference).filter(|_| rest.is_empty()).ok_or_else(unknown)?;
            return self.named(&name);
        }
        if let Some(Value::Array(either)) = rest.remove("anyOf") {
            return match &either[..] {
                [schema, null] if rest.is_empty() && null == &serde_json::json!({ "type": "null" }) => {
                    Ok(Type::OrNull(Box::new(self.kind(at, schema)?)))
                }
                several if rest.is_empty() => Ok(Type::Either(
                    several.iter().map(|each| self.kind(at, each)).collect::<Result<_, _>>()?,
                )),
                _ => Err(unknown()),
            };
        }
        let word = rest.remove("const");
        let (kind, or_null) = match rest.remove("type") {
            Some(Value::String(kind)) => (kind, false),
            Some(Value::Array(kinds)) => match &kinds[..] {
                [Value::String(kind), Value::String(null)] if null == "null" => (kind.clone(), true),
                _ => return Err(unknown()),
            },
            _ => return Err(unknown()),
        };
        let format = rest.remove("format");
        let format = format.as_ref().and_then(Value::as_str);
        let items = rest.remove("items");
        let additional = rest.remove("additionalProperties");
        if !rest.is_empty() {
            return Err(unknown());
        }
        if let Some(word) = word {
            let is_text =
                kind == "string" && !or_null && (format, &items, &additional) == (None, &None, &None);
            return word
                .as_str()
                .filter(|_| is_text)
                .map(|word| Type::Word(word.to_owned()))
                .ok_or_else(unknown);
        }
        let kind = match (kind.as_str(), format, items, additional) {
            ("string", None | Some("email"), None, None) => Type::Text { secret: false },
            ("string", Some("password"), None, None) => Type::Text { secret: true },
            ("boolean", None, None, None) => Type::Boolean,
            ("integer", format, None, None) if format.is_none_or(|format| INTEGERS.contains(&format)) => {
                Type::Integer
            }
            ("number", Some("double"), None, None) => Type::Number,
            ("null", None, None, None) => Type::Nothing,
            ("array", None, Some(items), None) => Type::List(Box::new(self.kind(at, &items)?)),
            ("object", None, None, Some(Value::Bool(true))) => Type::Object,
            _ => return Err(unknown()),
        };
        Ok(if or_null { Type::OrNull(Box::new(kind)) } else { kind })
    }

    /// The documentation and fields of the object that `schema` refers to: required fields in the order of declaration,
    /// then optional ones in alphabetical order.
    pub(crate) fn fields(&mut self, at: &str, schema: &Value) -> Result<(String, Vec<Field>), String> {
        let name = schema.get("$ref").and_then(name_of);
        let name = name.ok_or_else(|| format!("{at}: a request must be an object with a name: {schema}"))?;
        let definition = self.definition(&name)?;
        match definition.shape {
            Shape::Record(fields) => Ok((definition.documentation, fields)),
            _ => Err(format!("{at}: a request must be an object: {schema}")),
        }
    }

    fn named(&mut self, name: &str) -> Result<Type, String> {
        if is_page(name) {
            let schema = self.schemas.get(name).cloned().unwrap_or_default();
            let fields = schema.get("properties").and_then(Value::as_object);
            let names: Vec<&str> = fields.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let items = schema.pointer("/properties/items").filter(|_| names == ["items", "nextCursor"]);
            let items =
                items.ok_or_else(|| format!("{name}: a page must have exactly items and nextCursor"))?;
            return match self.kind(name, items)? {
                Type::List(item) => Ok(Type::PageOf(item)),
                other => Err(format!("{name}: a page of {other:?}")),
            };
        }
        if !self.definitions.contains_key(name) {
            if name.ends_with(|last: char| last.is_ascii_digit()) {
                return Err(format!("{name}: two types have the same name: rename one of them"));
            }
            let definition = self.definition(name)?;
            self.definitions.insert(name.to_owned(), definition);
        }
        Ok(Type::Named(name.to_owned()))
    }

    fn definition(&mut self, name: &str) -> Result<Definition, String> {
        let schema = self.schemas.get(name).ok_or_else(|| format!("{name}: no such definition"))?.clone();
        let unknown = || format!("{name}: the generator does not support this schema: {schema}");
        let mut rest = schema.as_object().ok_or_else(unknown)?.clone();
        let documentation = documentation_of(&mut rest);
        if documentation.is_empty() {
            return Err(format!("{name}: documentation is missing"));
        }
        if let Some(target) = rest.remove("$ref").as_ref().and_then(name_of) {
            // A type that wraps another type has its own documentation and the other's structure.
            let shape = self.definition(&target)?.shape;
            return if rest.is_empty() { Ok(Definition { documentation, shape }) } else { Err(unknown()) };
        }
        let kind = rest.remove("type");
        let shape = if let Some(Value::Array(either)) = rest.remove("oneOf") {
            Shape::Enum(either.iter().map(choices).collect::<Option<Vec<_>>>().ok_or_else(unknown)?.concat())
        } else if let Some(Value::Array(either)) = rest.remove("anyOf") {
            let members: Option<Vec<_>> =
                either.iter().map(|each| each.get("$ref").and_then(name_of)).collect();
            let members = members.ok_or_else(unknown)?;
            for member in &members {
                self.named(member)?;
            }
            Shape::Union(members)
        } else if rest.remove("enum").or_else(|| rest.remove("const")).is_some() {
            let options = choices(&schema).ok_or_else(unknown)?;
            Shape::Enum(options)
        } else if kind == Some("object".into()) {
            Shape::Record(self.record(name, &mut rest)?)
        } else {
            return Err(unknown());
        };
        if rest.is_empty() { Ok(Definition { documentation, shape }) } else { Err(unknown()) }
    }

    fn record(&mut self, name: &str, rest: &mut Map<String, Value>) -> Result<Vec<Field>, String> {
        if rest.get("additionalProperties") == Some(&Value::Bool(false)) {
            rest.remove("additionalProperties");
        }
        let required = rest.remove("required").unwrap_or_default();
        let required: Vec<&str> =
            required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields = Vec::new();
        for (wire, schema) in rest.remove("properties").unwrap_or_default().as_object().into_iter().flatten()
        {
            let at = format!("{name}.{wire}");
            let mut words = schema.as_object().cloned().unwrap_or_default();
            let documentation = documentation_of(&mut words);
            if documentation.is_empty() {
                return Err(format!("{at}: documentation is missing"));
            }
            fields.push(Field {
                wire: wire.clone(),
                documentation,
                kind: self.kind(&at, schema)?,
                required: required.contains(&wire.as_str()),
                default: words.remove("default"),
            });
        }
        let order =
            |field: &Field| required.iter().position(|wire| *wire == field.wire).unwrap_or(usize::MAX);
        fields.sort_by_key(order);
        Ok(fields)
    }
}

fn documentation_of(words: &mut Map<String, Value>) -> String {
    let documentation = words.remove("description");
    prose(documentation.as_ref().and_then(Value::as_str).unwrap_or_default())
}

/// One text with its documentation, or several without.
fn choices(schema: &Value) -> Option<Vec<(String, String)>> {
    let mut words = schema.as_object()?.clone();
    let documentation = documentation_of(&mut words);
    if words.remove("type") != Some("string".into()) {
        return None;
    }
    let options = match (words.remove("const"), words.remove("enum")) {
        (Some(Value::String(only)), None) => vec![(only, documentation)],
        (None, Some(Value::Array(several))) => {
            let several: Option<Vec<_>> = several.iter().map(Value::as_str).collect();
            several?.into_iter().map(|each| (each.to_owned(), String::new())).collect()
        }
        _ => return None,
    };
    words.is_empty().then_some(options)
}

fn name_of(reference: &Value) -> Option<String> {
    reference.as_str()?.strip_prefix("#/$defs/").map(str::to_owned)
}

/// Whether the type is a page. Pages are generic, so each has a number in its name.
fn is_page(name: &str) -> bool {
    name.strip_prefix("Page").is_some_and(|rest| rest.chars().all(|each| each.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(schema: &Value) -> Result<Type, String> {
        let schemas = json!({ "Color": { "description": "A color.", "type": "string", "enum": ["red"] } });
        Reader::new(schemas.as_object().unwrap().clone()).kind("here", schema)
    }

    #[test]
    fn supported_schemas_are_read() {
        assert_eq!(kind(&json!({ "type": "string", "format": "password" })), Ok(Type::Text { secret: true }));
        let or_null = Type::OrNull(Box::new(Type::Integer));
        assert_eq!(
            kind(&json!({ "type": ["integer", "null"], "format": "int64", "default": null })),
            Ok(or_null)
        );
        let color = Type::OrNull(Box::new(Type::Named("Color".to_owned())));
        assert_eq!(kind(&json!({ "anyOf": [{ "$ref": "#/$defs/Color" }, { "type": "null" }] })), Ok(color));
        let list = Type::List(Box::new(Type::Text { secret: false }));
        let texts = json!({ "type": "array", "items": { "type": "string" } });
        assert_eq!(kind(&texts), Ok(list.clone()));
        let all_or_some = json!({ "anyOf": [{ "type": "string", "const": "all" }, texts] });
        let either = Type::Either(vec![Type::Word("all".to_owned()), list]);
        assert_eq!(kind(&all_or_some), Ok(either.clone()));
        let or_null = json!({ "anyOf": [all_or_some, { "type": "null" }] });
        assert_eq!(kind(&or_null), Ok(Type::OrNull(Box::new(either))));
    }

    #[test]
    fn an_unsupported_schema_is_an_error_with_its_path() {
        for schema in [
            json!({}),
            json!({ "type": "string", "format": "date" }),
            json!({ "type": "integer", "format": "int64", "const": 1 }),
            json!({ "type": ["string", "null"], "const": "a" }),
            json!({ "type": ["string", "integer"] }),
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "string", "format": "date" }] }),
            json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true }),
            json!({ "$ref": "#/$defs/Gone" }),
            json!({ "allOf": [] }),
        ] {
            assert!(kind(&schema).is_err(), "{schema}");
        }
        assert!(kind(&json!({})).unwrap_err().starts_with("here: "));
    }
}
