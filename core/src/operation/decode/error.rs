//! The error of decoding a request.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};
use serde_json::error::Category;

use crate::error::{GatekeeperError, field_name};

/// What is wrong with a request, and where. Displayed, it is the message for the caller: it names the field and says
/// what is allowed. It never contains the value, which may be a secret.
#[derive(Debug)]
pub(crate) struct DecodeError {
    problem: Problem,
    /// The way from the field at fault out to the request.
    path: Vec<Step>,
}

#[derive(Debug)]
enum Problem {
    /// The JSON ends before it is complete.
    CutOff,
    /// The JSON is malformed at this position.
    Malformed {
        line: usize,
        column: usize,
    },
    Missing,
    GivenTwice,
    /// The field, which is the first step of the path, is unknown.
    Unknown,
    /// A field is unknown whose name may be a secret. The path leads to the object that has it.
    UnknownWithoutName,
    /// The text is none of these names.
    NotOneOf(&'static [&'static str]),
    /// The value has another type, or is out of range. What it must be.
    Not(String),
    /// The number is in quotes. What it must be.
    Quoted(String),
    /// A problem without a description of its own.
    Other,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Item(usize),
}

impl DecodeError {
    /// The error for a text that is not JSON.
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        Self::new(match error.classify() {
            Category::Eof => Problem::CutOff,
            _ => Problem::Malformed { line: error.line(), column: error.column() },
        })
    }

    /// The error for a value of another type.
    pub(super) fn not(expected: impl Into<String>) -> Self {
        Self::new(Problem::Not(expected.into()))
    }

    /// The error for a number that is in quotes.
    pub(super) fn quoted(expected: &dyn Expected) -> Self {
        Self::new(Problem::Quoted(expected.to_string()))
    }

    /// The error for a value that is none of these names.
    pub(super) fn not_one_of(names: &'static [&'static str]) -> Self {
        Self::new(Problem::NotOneOf(names))
    }

    /// The same error, in a field of an object.
    #[must_use]
    pub(super) fn in_field(mut self, name: &str) -> Self {
        self.path.push(Step::Field(name.to_owned()));
        self
    }

    /// The same error, in an item of a list.
    #[must_use]
    pub(super) fn in_item(mut self, index: usize) -> Self {
        self.path.push(Step::Item(index));
        self
    }

    fn new(problem: Problem) -> Self {
        Self { problem, path: Vec::new() }
    }
}

impl Error for DecodeError {
    fn custom<T: Display>(_: T) -> Self {
        // The text may repeat the value.
        Self::new(Problem::Other)
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::not(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::not(expected.to_string())
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::not(expected.to_string())
    }

    fn unknown_variant(_: &str, names: &'static [&'static str]) -> Self {
        Self::not_one_of(names)
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        if field_name(name) == name {
            Self::new(Problem::Unknown).in_field(name)
        } else {
            Self::new(Problem::UnknownWithoutName)
        }
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Problem::Missing).in_field(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new(Problem::GivenTwice).in_field(name)
    }
}

impl std::error::Error for DecodeError {}

impl From<DecodeError> for GatekeeperError {
    fn from(error: DecodeError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = Path(&self.path);
        match &self.problem {
            Problem::CutOff => f.write_str("the request is not JSON: it ends before it is complete"),
            Problem::Malformed { line, column } => write!(
                f,
                "the request is not JSON, holds a number out of range, or is nested too deep: see line {line}, column {column}"
            ),
            Problem::Missing => write!(f, "{field} is missing"),
            Problem::GivenTwice => write!(f, "{field} is given twice"),
            Problem::Unknown => write!(f, "{field} {UNKNOWN}"),
            Problem::UnknownWithoutName if self.path.is_empty() => write!(f, "a field {UNKNOWN}"),
            Problem::UnknownWithoutName => write!(f, "{field}: a field {UNKNOWN}"),
            Problem::NotOneOf(names) => write!(f, "{field} must be one of {}", names.join(", ")),
            Problem::Not(expected) => write!(f, "{field} must be {expected}"),
            Problem::Quoted(expected) => write!(f, "{field} must be {expected}, without quotes"),
            Problem::Other => write!(f, "{field} is not valid"),
        }
    }
}

const UNKNOWN: &str = "is not known here: see the reference for the fields of this call";

/// The path of a field, such as `keys[0].name`.
struct Path<'a>(&'a [Step]);

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the request");
        }
        for (depth, step) in self.0.iter().rev().enumerate() {
            match step {
                Step::Field(name) if depth == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
