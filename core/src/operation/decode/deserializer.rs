//! Deserializes a [`Node`] into the type of a request. The type says what it needs by the method that it calls, so the
//! errors say that, in our own words.

use std::borrow::Cow;
use std::iter::Enumerate;
use std::vec;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::DecodeError;
use super::node::Node;
use crate::whole::whole_number;

const A_STRING: &str = "a string";
const A_LIST: &str = "a list";
const AN_OBJECT: &str = "an object";
const A_NUMBER: &str = "a number";
const A_BOOL: &str = "true or false";
const NULL: &str = "null";

impl<'de> Node<'de> {
    /// The text, if the value is one.
    fn text(self) -> Option<Cow<'de, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Params(values) => only(&values).map(Cow::Borrowed),
            _ => None,
        }
    }

    /// Passes a number to the visitor, which checks its range.
    fn number<V: Visitor<'de>>(
        self,
        visitor: V,
        expected: impl Fn(&V) -> String,
    ) -> Result<V::Value, DecodeError> {
        match self {
            Self::Signed(number) => visitor.visit_i64(number),
            Self::Unsigned(number) => visitor.visit_u64(number),
            Self::Float(number) => visitor.visit_f64(number),
            Self::Params(values) => match only(&values).and_then(whole_number) {
                Some(number) => visitor.visit_i64(number),
                None => Err(DecodeError::not(expected(&visitor))),
            },
            _ => Err(DecodeError::not(expected(&visitor))),
        }
    }
}

/// The only value of a name; none if there are several.
fn only<'a>(values: &[&'a str]) -> Option<&'a str> {
    match values {
        [only] => Some(only),
        _ => None,
    }
}

/// What a visitor expects, in its own words.
fn text_of(expected: &dyn Expected) -> String {
    expected.to_string()
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Signed(number) => visitor.visit_i64(number),
            Self::Unsigned(number) => visitor.visit_u64(number),
            Self::Float(number) => visitor.visit_f64(number),
            Self::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Self::Text(Cow::Owned(text)) => visitor.visit_string(text),
            Self::List(items) => visitor.visit_seq(Items(items.into_iter().enumerate())),
            Self::Object(members) => visitor.visit_map(Fields(members.into_iter())),
            Self::Params(values) => match only(&values) {
                Some(text) => visitor.visit_borrowed_str(text),
                None => Err(DecodeError::not(text_of(&visitor))),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = match self {
            Self::Bool(value) => Some(value),
            Self::Params(values) => only(&values).and_then(|text| text.parse().ok()),
            _ => None,
        };
        visitor.visit_bool(value.ok_or_else(|| DecodeError::not(A_BOOL))?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Text(_) => Err(DecodeError::quoted(&visitor)),
            number => number.number(visitor, |visitor| text_of(visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor, |_| A_NUMBER.to_owned())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.text() {
            Some(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Some(Cow::Owned(text)) => visitor.visit_string(text),
            None => Err(DecodeError::not(A_STRING)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null => visitor.visit_unit(),
            _ => Err(DecodeError::not(NULL)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let items = match self {
            Self::List(items) => items,
            Self::Params(values) => values.into_iter().map(|value| Self::Params(vec![value])).collect(),
            _ => return Err(DecodeError::not(A_LIST)),
        };
        visitor.visit_seq(Items(items.into_iter().enumerate()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Object(members) => visitor.visit_map(Fields(members.into_iter())),
            _ => Err(DecodeError::not(AN_OBJECT)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        // Never a list: a derived visitor also accepts one, with the fields in order.
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.text() {
            Some(text) => visitor.visit_enum(StrDeserializer::new(&text)),
            None => Err(DecodeError::not_one_of(variants)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    // No request has a field of these types.
    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit_struct tuple tuple_struct identifier
    }
}

/// The items of a list.
struct Items<'de>(Enumerate<vec::IntoIter<Node<'de>>>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|error| error.in_item(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The fields of an object.
struct Fields<'de>(vec::IntoIter<(Cow<'de, str>, Node<'de>)>);

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        let Some((name, _)) = self.0.as_slice().first() else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let Some((name, value)) = self.0.next() else {
            return Err(DecodeError::custom("a value without a name"));
        };
        seed.deserialize(value).map_err(|error| error.in_field(&name))
    }
}
