//! The parameters of a statement and the columns of a row.
//!
//! A column has one of three types and can be NULL: 64-bit integer (times, counts, booleans), text (ids, names, JSON) or
//! bytes (digests, sealed keys). An engine binds a [`Value`] and reads a [`Field`]. The conversions from and to the types
//! of the domain are here, once for all engines.

use std::borrow::Cow;

use crate::id::{Id, Kind};
use crate::ipc::MAX_NUMBER;
use crate::secret::Digest;

/// A parameter of a statement.
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
}

/// A column of a row.
#[derive(Clone, Copy)]
pub(crate) enum Field<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A value of another type, written by another program.
    Other,
}

/// A type whose values can be parameters.
pub(crate) trait ToValue {
    fn to_value(&self) -> Value<'_>;
}

/// A type that a column can be read as.
pub(crate) trait FromField<'a>: Sized {
    /// The value, or none if the column has another type.
    fn from_field(field: Field<'a>) -> Option<Self>;
}

/// The parameters of a statement, in the order of their numbers.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::driver::to_value(&$value)),*]
    };
}
pub(crate) use params;

/// A parameter; for [`params`].
pub(crate) fn to_value<T: ToValue + ?Sized>(value: &T) -> Value<'_> {
    value.to_value()
}

impl Field<'_> {
    /// Its size in bytes.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Integer(_) | Self::Other => size_of::<i64>(),
        }
    }
}

impl ToValue for i64 {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl ToValue for u32 {
    fn to_value(&self) -> Value<'_> {
        Value::Integer((*self).into())
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Integer((*self).into())
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self.into())
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        self.as_str().to_value()
    }
}

impl ToValue for Cow<'_, str> {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl ToValue for [u8; 32] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl ToValue for Digest {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self.as_bytes())
    }
}

impl<K: Kind> ToValue for Id<K> {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self.to_string().into())
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl FromField<'_> for i64 {
    fn from_field(field: Field<'_>) -> Option<Self> {
        match field {
            Field::Integer(number) => Some(number),
            _ => None,
        }
    }
}

impl FromField<'_> for u32 {
    fn from_field(field: Field<'_>) -> Option<Self> {
        i64::from_field(field).and_then(|number| number.try_into().ok())
    }
}

impl FromField<'_> for bool {
    fn from_field(field: Field<'_>) -> Option<Self> {
        i64::from_field(field).map(|number| number != 0)
    }
}

impl<'a> FromField<'a> for &'a str {
    fn from_field(field: Field<'a>) -> Option<Self> {
        match field {
            Field::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl FromField<'_> for String {
    fn from_field(field: Field<'_>) -> Option<Self> {
        <&str>::from_field(field).map(str::to_owned)
    }
}

impl FromField<'_> for Cow<'static, str> {
    fn from_field(field: Field<'_>) -> Option<Self> {
        String::from_field(field).map(Cow::Owned)
    }
}

impl<'a> FromField<'a> for &'a [u8] {
    fn from_field(field: Field<'a>) -> Option<Self> {
        match field {
            Field::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl FromField<'_> for Vec<u8> {
    fn from_field(field: Field<'_>) -> Option<Self> {
        <&[u8]>::from_field(field).map(<[u8]>::to_vec)
    }
}

impl FromField<'_> for [u8; 32] {
    fn from_field(field: Field<'_>) -> Option<Self> {
        <&[u8]>::from_field(field).and_then(|bytes| bytes.try_into().ok())
    }
}

impl FromField<'_> for Digest {
    fn from_field(field: Field<'_>) -> Option<Self> {
        <[u8; 32]>::from_field(field).map(Self::from_bytes)
    }
}

impl<K: Kind> FromField<'_> for Id<K> {
    fn from_field(field: Field<'_>) -> Option<Self> {
        <&str>::from_field(field).and_then(|text| text.parse().ok())
    }
}

impl<'a, T: FromField<'a>> FromField<'a> for Option<T> {
    fn from_field(field: Field<'a>) -> Option<Self> {
        match field {
            Field::Null => Some(None),
            field => T::from_field(field).map(Some),
        }
    }
}

/// A change number, as a column contains it.
#[derive(Clone, Copy)]
pub(crate) struct ChangeNumber(u64);

impl ChangeNumber {
    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

impl FromField<'_> for ChangeNumber {
    /// The number. An impossible value, such as SQLite's result of incrementing the largest integer, is read as 0, the
    /// number of a restored database: then the next writer begins a new epoch.
    fn from_field(field: Field<'_>) -> Option<Self> {
        let number = i64::from_field(field).and_then(|number| u64::try_from(number).ok());
        Some(Self(number.filter(|number| *number <= MAX_NUMBER).unwrap_or(0)))
    }
}
