//! Reads the lines of a file, each as a key in JSON with its line number.

use std::io::{BufRead, BufReader, Read};

use csv::{ReaderBuilder, StringRecord, Trim};
use gatekeeper::internal::whole_number;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::Format;

/// The maximum length of a line, in bytes: more than any key needs.
const MAX_LINE: u64 = 128 * 1024;

/// A key, or the reason why the line is not one.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) key: Result<String, String>,
}

/// The lines of a file. Ends after a line that makes it impossible to continue.
pub(super) enum Lines {
    Ndjson { from: Box<dyn BufRead>, number: u64 },
    Csv { from: Box<csv::Reader<Box<dyn Read>>>, columns: Option<StringRecord> },
    Ended,
}

impl Lines {
    pub(super) fn of(file: Box<dyn Read>, format: Format) -> Self {
        match format {
            Format::Ndjson => Self::Ndjson { from: Box::new(BufReader::new(file)), number: 0 },
            Format::Csv => {
                let from = ReaderBuilder::new().trim(Trim::All).flexible(false).from_reader(file);
                Self::Csv { from: Box::new(from), columns: None }
            }
        }
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let (line, is_last) = match self {
            Self::Ended => return None,
            Self::Ndjson { from, number } => read_line(from.as_mut(), number)?,
            Self::Csv { from, columns } => read_record(from, columns)?,
        };
        if is_last {
            *self = Self::Ended;
        }
        Some(line)
    }
}

/// The next line that is not empty, and whether it is the last one that can be read.
fn read_line(from: &mut dyn BufRead, number: &mut u64) -> Option<(Line, bool)> {
    loop {
        let mut line = Vec::new();
        *number += 1;
        let number = *number;
        let rejected = |why: String, is_last| Some((Line { number, key: Err(why) }, is_last));
        match from.take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") => {
                return rejected(format!("longer than {MAX_LINE} bytes: is this NDJSON?"), true);
            }
            Ok(_) => {}
            Err(error) => return rejected(format!("cannot be read: {error}"), true),
        }
        let Ok(text) = String::from_utf8(line) else { return rejected("not UTF-8".to_owned(), false) };
        let text = text.trim();
        if !text.is_empty() {
            return Some((Line { number, key: object(text) }, false));
        }
    }
}

/// The text, if it is one JSON object. The operation validates its content.
fn object(text: &str) -> Result<String, String> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) if text.starts_with('{') => Ok(text.to_owned()),
        _ => Err("not a JSON object".to_owned()),
    }
}

fn read_record(
    from: &mut csv::Reader<Box<dyn Read>>,
    columns: &mut Option<StringRecord>,
) -> Option<(Line, bool)> {
    let columns = match columns {
        Some(columns) => columns,
        None => match from.headers() {
            Ok(read) => columns.insert(read.clone()),
            Err(error) => return Some((Line { number: 1, key: Err(reason(&error)) }, true)),
        },
    };
    let mut record = StringRecord::new();
    let number = from.position().line();
    let key = match from.read_record(&mut record) {
        Ok(false) => return None,
        Ok(true) => key_of(columns, &record),
        Err(error) => {
            let is_last = matches!(error.kind(), csv::ErrorKind::Io(_));
            let number = error.position().map_or(number, csv::Position::line);
            return Some((Line { number, key: Err(reason(&error)) }, is_last));
        }
    };
    Some((Line { number: record.position().map_or(number, csv::Position::line), key }, false))
}

/// Why a record cannot be read, without repeating its content.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns, but the header has {expected_len}")
        }
        csv::ErrorKind::Io(error) => format!("cannot be read: {error}"),
        _ => "not CSV".to_owned(),
    }
}

/// The key that a record describes; an empty column is left out.
fn key_of(columns: &StringRecord, record: &StringRecord) -> Result<String, String> {
    let mut key = Map::new();
    for (column, text) in columns.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        let value = match column {
            "scopes" | "roles" => text.split('|').map(str::trim).map(str::to_owned).collect(),
            "quotaLimit" | "expiresInSeconds" => whole_number(text)
                .map(Value::from)
                .ok_or_else(|| format!("{column} must be a whole number"))?,
            "metadata" => serde_json::from_str(text).map_err(|_| "metadata must be JSON".to_owned())?,
            _ => Value::from(text),
        };
        key.insert(column.to_owned(), value);
    }
    Ok(Value::Object(key).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static [u8], format: Format) -> Vec<(u64, Result<String, String>)> {
        Lines::of(Box::new(text), format).map(|line| (line.number, line.key)).collect()
    }

    #[test]
    fn every_line_of_ndjson_is_a_key_or_is_reported() {
        let read = read(b"{\"digest\": \"x\"}\n\n[1]\n{\"a\": \n\xff\n {}", Format::Ndjson);
        let not_json = || Err("not a JSON object".to_owned());
        assert_eq!(
            read,
            [
                (1, Ok("{\"digest\": \"x\"}".to_owned())),
                (3, not_json()),
                (4, not_json()),
                (5, Err("not UTF-8".to_owned())),
                (6, Ok("{}".to_owned())),
            ]
        );
    }

    #[test]
    fn a_field_that_is_given_twice_is_left_for_the_operation_to_reject() {
        let read = read(b"{\"digest\": 1, \"digest\": 2}", Format::Ndjson);
        assert_eq!(read[0].1.as_deref(), Ok("{\"digest\": 1, \"digest\": 2}"));
    }

    #[test]
    fn the_columns_of_csv_are_the_fields_of_a_key() {
        let text = b"digest,scopes,quotaLimit,metadata,name\nx,read|write,7,\"{\"\"a\"\": 1}\",\ny,,z,,\ny\n\"a\nb\",,,,n\n";
        let read = read(text, Format::Csv);
        assert_eq!(
            read[0],
            (
                2,
                Ok(r#"{"digest":"x","metadata":{"a":1},"quotaLimit":7,"scopes":["read","write"]}"#
                    .to_owned())
            )
        );
        assert_eq!(read[1], (3, Err("quotaLimit must be a whole number".to_owned())));
        assert_eq!(read[2], (4, Err("1 columns, but the header has 5".to_owned())));
        assert_eq!(read[3], (5, Ok(r#"{"digest":"a\nb","name":"n"}"#.to_owned())));
    }

    #[test]
    fn a_line_without_an_end_is_not_read_into_memory() {
        let read = Lines::of(Box::new(std::io::repeat(b'x')), Format::Ndjson).collect::<Vec<_>>();
        assert!(read.len() == 1 && read[0].key.is_err());
    }
}
