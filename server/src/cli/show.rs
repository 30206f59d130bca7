//! Prints responses for people. Programs get the JSON unchanged.

mod ordered;

use gatekeeper::GatekeeperError;
use gatekeeper::internal::visible;
use jiff::Timestamp;
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::failure::Failure;
use super::output::{self, HEADING, Output};
use super::request::OperationRequest;
pub(crate) use ordered::Ordered;

/// Shown for a value that is absent.
const NOTHING: &str = "-";
const GAP: &str = "  ";

/// Shows the response of an operation, given in JSON.
pub(crate) fn response(output: Output, response: &str, request: &OperationRequest) -> Result<(), Failure> {
    match serde_json::from_str(response).map_err(GatekeeperError::internal)? {
        Ordered::Object(fields) => match fields.iter().find(|(name, _)| name == "items") {
            Some((_, Ordered::Other(Value::Array(items)))) => {
                Table::new(request.columns).show(items)?;
                if let Some((_, Ordered::Other(Value::String(cursor)))) =
                    fields.iter().find(|(name, _)| name == "nextCursor")
                {
                    output.note(&format!("there are more items: add --cursor {cursor}, or --all"));
                }
            }
            _ => record(fields)?,
        },
        Ordered::Other(Value::Null) => output::line(request.done)?,
        Ordered::Other(Value::String(text)) => output::bytes(text.as_bytes())?,
        Ordered::Other(Value::Array(items)) => {
            items.iter().try_for_each(|item| output::line(&cell("", item)))?;
        }
        Ordered::Other(value) => output::line(&cell("", &value))?,
    }
    if !request.note.is_empty() {
        output.note(request.note);
    }
    Ok(())
}

/// Shows a record, one field a line.
pub(crate) fn record(fields: Vec<(String, Ordered)>) -> Result<(), Failure> {
    let mut rows = Vec::new();
    flatten("", fields, &mut rows);
    let width = rows.iter().map(|(label, _)| label.width()).max().unwrap_or_default();
    rows.iter().try_for_each(|(label, text)| {
        let padding = " ".repeat(width.saturating_sub(label.width()));
        output::line(&format!("{HEADING}{label}{HEADING:#}{padding}{GAP}{text}"))
    })
}

/// Flattens nested objects into one row for each field, labeled with its path. `metadata` stays one field.
fn flatten(at: &str, fields: Vec<(String, Ordered)>, rows: &mut Vec<(String, String)>) {
    for (name, value) in fields {
        let shown = visible(&name);
        let label = if at.is_empty() { shown.into_owned() } else { format!("{at}.{shown}") };
        match value {
            Ordered::Object(inner) if name != "metadata" => flatten(&label, inner, rows),
            value => rows.push((label, cell(&name, &value.into()))),
        }
    }
}

/// A table, in one or more pages. The first page sets the widths of the columns.
pub(crate) struct Table {
    columns: &'static [&'static str],
    widths: Vec<usize>,
}

impl Table {
    pub(crate) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, widths: Vec::new() }
    }

    pub(crate) fn show(&mut self, items: &[Value]) -> Result<(), Failure> {
        let rows: Vec<Vec<String>> = items.iter().map(|item| self.row(item)).collect();
        if self.widths.is_empty() {
            let widest = |index: usize, column: &str| {
                let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
                cells.chain([column.width()]).max().unwrap_or_default()
            };
            self.widths =
                self.columns.iter().enumerate().map(|(index, column)| widest(index, column)).collect();
            let heading: Vec<String> = self.columns.iter().map(|&column| column.to_owned()).collect();
            output::line(&format!("{HEADING}{}{HEADING:#}", self.line(&heading)))?;
        }
        rows.iter().try_for_each(|row| output::line(&self.line(row)))
    }

    fn row(&self, item: &Value) -> Vec<String> {
        let of = |column: &&str| cell(column, item.get(*column).unwrap_or(&Value::Null));
        self.columns.iter().map(of).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let cells = row.iter().zip(&self.widths).map(|(cell, width)| {
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            format!("{cell}{padding}")
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }
}

/// A value, formatted for people.
fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => visible(text).into_owned(),
        Value::Number(number) => timestamp(name, value).unwrap_or_else(|| number.to_string()),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => items.iter().map(|item| cell("", item)).collect::<Vec<_>>().join(", "),
        Value::Object(_) => visible(&value.to_string()).into_owned(),
    }
}

/// A time, recognized by the name of its field: Unix milliseconds, or seconds for `reset`.
fn timestamp(name: &str, value: &Value) -> Option<String> {
    let number = value.as_i64()?;
    let timestamp = match name {
        "reset" => Timestamp::from_second(number),
        "from" | "to" => Timestamp::from_millisecond(number),
        _ if name.ends_with("At") => Timestamp::from_millisecond(number),
        _ => return None,
    };
    timestamp.ok().map(|timestamp| timestamp.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terminal_control_characters_are_escaped() {
        let hostile = "a\u{1b}]0;x\u{7}b\u{9b}2J\u{202e}c\u{200b}";
        let shown = "a\\u{1b}]0;x\\u{7}b\\u{9b}2J\\u{202e}c\\u{200b}";
        assert_eq!(cell("name", &json!(hostile)), shown);
        assert_eq!(cell("roles", &json!([hostile])), shown);
    }

    #[test]
    fn times_are_recognized_by_the_names_of_their_fields() {
        assert_eq!(cell("createdAt", &json!(1500)), "1970-01-01T00:00:01.5Z");
        assert_eq!(cell("reset", &json!(2)), "1970-01-01T00:00:02Z");
        assert_eq!(cell("remaining", &json!(2)), "2");
        assert_eq!(cell("expiresAt", &json!(i64::MAX)), i64::MAX.to_string());
        assert_eq!(cell("expiresAt", &Value::Null), "-");
    }

    #[test]
    fn a_nested_record_is_shown_with_paths_and_in_order() {
        let mut rows = Vec::new();
        let response = r#"{"scopes": ["a", "b"], "apiKey": {"id": "x", "metadata": {"a": 1}}}"#;
        let Ordered::Object(fields) = serde_json::from_str(response).unwrap() else { panic!("an object") };
        flatten("", fields, &mut rows);
        let rows: Vec<_> = rows.iter().map(|(label, text)| (label.as_str(), text.as_str())).collect();
        assert_eq!(rows, [("scopes", "a, b"), ("apiKey.id", "x"), ("apiKey.metadata", "{\"a\":1}")]);
    }
}
