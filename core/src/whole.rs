//! Whole numbers: how they are parsed, and the ranges of fields.
//!
//! 60000 may arrive as 6e4 or 60000.0, because JavaScript has one kind of number. A range is declared once;
//! parsing, checks, error messages and the JSON schema follow it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde_json::Value;

use crate::error::{GatekeeperError, Result};

/// The largest integer that every language represents exactly: 2⁵³ - 1.
pub(crate) const MAX_EXACT: i64 = (1 << 53) - 1;

/// The whole number of a text: `60000`, `6e4` and `60000.0` are equal. A number out of range becomes the nearest
/// one in range.
///
/// ```
/// use gatekeeper::internal::whole_number;
/// assert_eq!((whole_number("6e4"), whole_number("1.5")), (Some(60_000), None));
/// ```
#[must_use]
pub fn whole_number(text: &str) -> Option<i64> {
    let decimal = || text.bytes().any(|byte| byte.is_ascii_digit()).then(|| text.parse().ok());
    text.parse().ok().or_else(|| of_float(decimal()??))
}

/// The whole number of a JSON value.
pub(crate) fn of_json(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_u64().map(saturated)).or_else(|| value.as_f64().and_then(of_float))
}

fn of_float(number: f64) -> Option<i64> {
    // An infinite value was written with more digits than a float has.
    let is_whole = number.is_infinite() || number.fract() == 0.0;
    #[allow(clippy::cast_possible_truncation, reason = "such a cast saturates, and there is no fraction")]
    is_whole.then_some(number as i64)
}

fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The range of a field's whole numbers.
pub(crate) trait Range {
    /// The minimum.
    const MIN: i64;
    /// The maximum.
    const MAX: i64;
    /// A note that an error adds to the range, such as the meaning of the maximum.
    const NOTE: &'static str = "";
    /// Whether a larger number counts as the maximum.
    const CLAMPS: bool = false;

    /// What a number must be, for an error message.
    fn expected() -> String {
        if Self::CLAMPS {
            return format!("{WHOLE} that is not negative{}", Self::NOTE);
        }
        format!("{WHOLE} from {} to {}{}", Self::MIN, Self::MAX, Self::NOTE)
    }

    /// Checks that a number is in range.
    ///
    /// # Errors
    /// `bad_request` that names the field.
    fn check<N: TryInto<i64>>(field: &str, number: Option<N>) -> Result<()> {
        let is_in = |number: N| number.try_into().is_ok_and(|number| Self::find(number).is_some());
        if number.is_none_or(is_in) {
            return Ok(());
        }
        Err(GatekeeperError::bad_request(format!("{field} must be {}", Self::expected())))
    }

    /// The number itself, or the maximum that it counts as; none if it is out of range.
    fn find(number: i64) -> Option<i64> {
        let number = if Self::CLAMPS { number.min(Self::MAX) } else { number };
        (Self::MIN..=Self::MAX).contains(&number).then_some(number)
    }

    /// Deserializes a field, for `#[serde(deserialize_with = …)]`. `null` is accepted if the field is an `Option`.
    ///
    /// # Errors
    /// For a value that is not a number of the range.
    fn read<'de, D: Deserializer<'de>, F: Field>(deserializer: D) -> Result<F, D::Error> {
        let reader = Reader::<Self, F>(PhantomData);
        if F::IS_OPTIONAL {
            deserializer.deserialize_option(reader)
        } else {
            deserializer.deserialize_i64(reader)
        }
    }

    /// Deserializes a field that can be `null`, as distinct from a missing one.
    ///
    /// # Errors
    /// For a value that is not a number of the range.
    #[allow(clippy::option_option, reason = "the outer option says whether the field was given")]
    fn read_or_null<'de, D: Deserializer<'de>, F: Field>(
        deserializer: D,
    ) -> Result<Option<Option<F>>, D::Error> {
        Self::read(deserializer).map(Some)
    }
}

/// The beginning of an error that says what a number must be.
pub(crate) const WHOLE: &str = "a whole number";

/// A type of a field with a range.
pub(crate) trait Field: Sized {
    /// Whether the field can be `null`.
    const IS_OPTIONAL: bool = false;

    fn of(number: i64) -> Option<Self>;

    fn none() -> Option<Self> {
        None
    }
}

macro_rules! fields {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn of(number: i64) -> Option<Self> {
                Self::try_from(number).ok()
            }
        }
    )*};
}

fields!(u32, u64, i64);

impl<F: Field> Field for Option<F> {
    const IS_OPTIONAL: bool = true;

    fn of(number: i64) -> Option<Self> {
        F::of(number).map(Some)
    }

    fn none() -> Option<Self> {
        Some(None)
    }
}

struct Reader<R: ?Sized, F>(PhantomData<(F, R)>);

impl<R: Range + ?Sized, F: Field> Reader<R, F> {
    fn field<E: Error>(self, number: Option<i64>) -> Result<F, E> {
        let found = number.and_then(R::find).and_then(F::of);
        found.ok_or_else(|| E::invalid_value(Unexpected::Other("number"), &self))
    }
}

impl<'de, R: Range + ?Sized, F: Field> Visitor<'de> for Reader<R, F> {
    type Value = F;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&R::expected())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<F, E> {
        self.field(Some(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<F, E> {
        self.field(Some(saturated(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<F, E> {
        self.field(of_float(number))
    }

    fn visit_unit<E: Error>(self) -> Result<F, E> {
        F::none().ok_or_else(|| E::invalid_type(Unexpected::Unit, &self))
    }

    fn visit_none<E: Error>(self) -> Result<F, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<F, D::Error> {
        deserializer.deserialize_i64(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Dozen;

    impl Range for Dozen {
        const MIN: i64 = 1;
        const MAX: i64 = 12;
    }

    #[test]
    fn a_whole_number_is_parsed_in_every_notation() {
        for text in ["12", "12.0", "1.2e1", "+12", "120e-1", "012"] {
            assert_eq!(whole_number(text), Some(12), "{text}");
        }
        for text in ["-0", "0.0", "-0.0", "0e9"] {
            assert_eq!(whole_number(text), Some(0), "{text}");
        }
        for text in ["", "-", "1.5", "inf", "NaN", "0x1", "1_000", " 1", "1 ", "１"] {
            assert_eq!(whole_number(text), None, "{text:?}");
        }
        for text in ["9223372036854775808", "1e400"] {
            assert_eq!(whole_number(text), Some(i64::MAX), "{text}");
        }
        assert_eq!(of_json(&json!(u64::MAX)), Some(i64::MAX));
        assert_eq!((of_json(&json!(-7)), of_json(&json!(1e300))), (Some(-7), Some(i64::MAX)));
        assert_eq!((of_json(&json!(0.5)), of_json(&json!("1"))), (None, None));
    }

    #[test]
    fn parsing_checks_and_errors_follow_the_same_range() {
        let read = |value: Value| Dozen::read::<_, Option<u32>>(value).map_err(|error| error.to_string());
        assert_eq!(read(json!(12.0)), Ok(Some(12)));
        assert_eq!(read(json!(null)), Ok(None));
        for wrong in [json!(0), json!(13), json!(1.5), json!(1e30), json!("1"), json!(true), json!([1])] {
            let error = read(wrong.clone()).unwrap_err();
            assert!(error.ends_with(", expected a whole number from 1 to 12"), "{wrong}: {error}");
        }
        assert!(Dozen::read::<_, u32>(json!(null)).is_err());
        assert_eq!(
            Dozen::check("field", Some(13)).unwrap_err().message(),
            "field must be a whole number from 1 to 12"
        );
        assert!(Dozen::check("field", Some(u64::MAX)).is_err() && Dozen::check::<i64>("field", None).is_ok());
    }
}
