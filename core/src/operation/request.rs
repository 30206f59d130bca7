//! The fields of a request, gathered from a JSON object, a path and a query.

mod known;

use std::vec;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use crate::whole::whole_number;
use known::Known;

/// The fields of a request. A field that is given twice is rejected, also if one is in the JSON and one in the path.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// A JSON object.
    pub json: &'a str,
    /// Names and values from a path or a query. The type of the field determines how the text is parsed. A name that
    /// occurs more than once is a list.
    pub texts: &'a [(String, String)],
    /// How to handle a field that the operation does not have.
    pub unknown_fields: UnknownFields,
}

/// How to handle a field that an operation does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// The request is rejected: the field may be misspelt.
    #[default]
    Rejected,
    /// The field is ignored, and logged once per operation. For clients of an API that has always ignored such fields.
    Ignored,
}

impl<'a> From<&'a str> for Request<'a> {
    fn from(json: &'a str) -> Self {
        Self { json, texts: &[], unknown_fields: UnknownFields::Rejected }
    }
}

/// A deserializer that reads the JSON of a request and its texts as one map.
pub(super) struct Gathered<'de> {
    json: serde_json::Deserializer<serde_json::de::StrRead<'de>>,
    texts: Vec<(String, Vec<String>)>,
    unknown_fields: UnknownFields,
}

impl<'de> Gathered<'de> {
    pub(super) fn new(request: Request<'de>) -> Self {
        let mut texts: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in request.texts {
            match texts.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push(value.clone()),
                None => texts.push((name.clone(), vec![value.clone()])),
            }
        }
        let json = serde_json::Deserializer::from_str(request.json);
        Self { json, texts, unknown_fields: request.unknown_fields }
    }

    /// Rejects text after the JSON object.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.json.end()
    }
}

impl<'de> Deserializer<'de> for &mut Gathered<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.texts.is_empty() {
            // Always a map: a derived visitor also accepts a list, with the fields in order.
            return self.json.deserialize_map(visitor);
        }
        let texts = std::mem::take(&mut self.texts).into_iter();
        self.json.deserialize_map(Joining { visitor, texts })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.unknown_fields {
            UnknownFields::Rejected => self.deserialize_any(visitor),
            UnknownFields::Ignored => self.deserialize_any(Known { name, fields, inner: visitor }),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A visitor that passes the texts to another visitor, then the JSON object.
struct Joining<V> {
    visitor: V,
    texts: vec::IntoIter<(String, Vec<String>)>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Joining<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, json: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Joined { texts: self.texts, value: None, json })
    }
}

struct Joined<A> {
    texts: vec::IntoIter<(String, Vec<String>)>,
    value: Option<Vec<String>>,
    json: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Joined<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.texts.next() {
            Some((name, value)) => {
                self.value = Some(value);
                let name: StringDeserializer<A::Error> = name.into_deserializer();
                seed.deserialize(name).map(Some)
            }
            None => self.json.next_key_seed(seed),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        match self.value.take() {
            Some(values) => seed.deserialize(Text(values)).map_err(A::Error::custom),
            None => self.json.next_value_seed(seed),
        }
    }
}

/// A value as text, parsed as the type of its field.
struct Text(Vec<String>);

impl Text {
    /// The only text.
    fn only(self, expected: &dyn de::Expected) -> Result<String, Error> {
        <[String; 1]>::try_from(self.0)
            .map(|[only]| only)
            .map_err(|_| Error::invalid_type(de::Unexpected::Seq, expected))
    }
}

/// Parses `true` or `false`.
fn parse_bool(text: &str) -> Option<bool> {
    text.parse().ok()
}

macro_rules! parsed {
    ($($method:ident => $visit:ident: $parse:expr,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.only(&visitor)?;
            match $parse(&text) {
                Some(value) => visitor.$visit(value),
                None => Err(Error::invalid_type(de::Unexpected::Other("text"), &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text {
    type Error = Error;

    parsed! {
        deserialize_bool => visit_bool: parse_bool,
        deserialize_i64 => visit_i64: whole_number,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.only(&visitor)?;
        visitor.visit_string(text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Texts(self.0.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text: StringDeserializer<Error> = self.only(&visitor)?.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        map struct identifier ignored_any
    }
}

struct Texts(vec::IntoIter<String>);

impl<'de> SeqAccess<'de> for Texts {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.next().map(|text| seed.deserialize(Text(vec![text]))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::operation::decode::decode;
    use crate::operation::field::{Moment, PageLimit};
    use crate::whole::Range as _;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        id: String,
        #[serde(default, deserialize_with = "PageLimit::read")]
        limit: Option<u32>,
        #[serde(default, deserialize_with = "Moment::read")]
        from: Option<i64>,
        #[serde(default)]
        revoked: bool,
        #[serde(default)]
        scope: Vec<String>,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Live,
        Test,
    }

    fn read(json: &str, texts: &[(&str, &str)]) -> Result<Sample, String> {
        let texts: Vec<(String, String)> =
            texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        decode(Request { texts: &texts, ..Request::from(json) })
            .map_err(|error: crate::GatekeeperError| error.message().to_owned())
    }

    #[test]
    fn a_text_is_parsed_as_the_type_of_its_field() {
        let texts = [("id", "7"), ("limit", "7"), ("from", "-1"), ("revoked", "true"), ("kind", "test")];
        let scopes = [("scope", "a"), ("scope", "b")];
        let read = read("{}", &[&texts[..], &scopes].concat()).unwrap();
        assert_eq!((read.id.as_str(), read.limit, read.from, read.revoked), ("7", Some(7), Some(-1), true));
        assert_eq!((read.scope, read.kind), (vec!["a".to_owned(), "b".to_owned()], Some(Kind::Test)));
    }

    #[test]
    fn a_number_may_be_written_in_any_form_and_a_larger_limit_is_reduced_to_a_page() {
        for (text, limit) in
            [("7", 7), ("7.0", 7), ("7e0", 7), ("101", 100), ("5000000000", 100), ("1e300", 100)]
        {
            let in_text = read("{}", &[("id", "x"), ("limit", text)]).unwrap();
            let in_json = read(&format!(r#"{{"id": "x", "limit": {text}}}"#), &[]).unwrap();
            assert_eq!((in_text.limit, in_json.limit), (Some(limit), Some(limit)), "{text}");
        }
    }

    #[test]
    fn texts_and_json_are_one_request_and_a_field_in_both_is_rejected() {
        assert_eq!(read(r#"{"limit": 3}"#, &[("id", "x")]).unwrap().limit, Some(3));
        assert_eq!(read(r#"{"id": "EVIL"}"#, &[("id", "x")]).unwrap_err(), "id is given twice");
        assert_eq!(read(r#"{"id": "x"}"#, &[]).unwrap().id, "x");
    }

    #[test]
    fn a_text_of_the_wrong_type_is_rejected_by_field_name_and_not_repeated() {
        for (name, value) in [
            ("limit", "canary"),
            ("limit", ""),
            ("limit", "-1"),
            ("from", "1.5"),
            ("revoked", "canary"),
            ("kind", "canary"),
            ("lmit", "1"),
        ] {
            let rejection = read("{}", &[("id", "x"), (name, value)]).unwrap_err();
            assert!(rejection.starts_with(name) && !rejection.contains("canary"), "{rejection}");
        }
        assert!(read("{}", &[("id", "x"), ("limit", "1"), ("limit", "2")]).unwrap_err().starts_with("limit"));
        assert_eq!(read("{}", &[("limit", "1")]).unwrap_err(), "id is missing");
        for broken in ["", "[]", "{\"limit\": 1", "{} x"] {
            assert!(read(broken, &[("id", "x")]).is_err());
        }
    }
}
