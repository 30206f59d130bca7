//! Placeholders: texts that programs send by mistake instead of a key. None of them is ever a valid key.

use crate::secret::Digest;

/// The placeholders, in lower case: values of unset variables, texts of examples, and common test input.
const PLACEHOLDERS: [&str; 64] = [
    "-",
    "-1",
    "0",
    "1",
    "12",
    "123",
    "1234",
    "12345",
    "123456",
    "1234567890",
    "<api_key>",
    "<key>",
    "<token>",
    "[object object]",
    "[object promise]",
    "[object undefined]",
    "[]",
    "a",
    "abc",
    "abc123",
    "admin",
    "api-key",
    "api_key",
    "apikey",
    "basic",
    "bearer",
    "change-me",
    "change_me",
    "changeme",
    "default",
    "demo",
    "dummy",
    "example",
    "false",
    "foo",
    "foobar",
    "infinity",
    "insert-api-key-here",
    "key",
    "n/a",
    "nan",
    "nil",
    "no",
    "none",
    "null",
    "password",
    "placeholder",
    "secret",
    "string",
    "test",
    "test-key",
    "test_key",
    "testing",
    "todo",
    "token",
    "true",
    "undefined",
    "unknown",
    "x",
    "xxx",
    "xxxx",
    "your-api-key",
    "your_api_key",
    "{}",
];

/// The forms of a placeholder: unchanged, quoted, after a scheme, as a shell or a template writes it, and with the
/// line feed that `echo` adds. Other cases are checked too.
const FORMS: [(&str, &str); 8] =
    [("", ""), ("\"", "\""), ("'", "'"), ("bearer ", ""), ("${", "}"), ("$", ""), ("{{", "}}"), ("", "\n")];

/// Whether a key is a placeholder in any form.
pub(crate) fn is_placeholder(key: &str) -> bool {
    let key = key.trim().to_lowercase();
    FORMS.iter().any(|(before, after)| {
        let inner = key.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        inner.is_some_and(|inner| inner.trim().is_empty() || PLACEHOLDERS.contains(&inner.trim()))
    })
}

/// The digests of every placeholder, each followed by `suffix`.
pub(crate) fn placeholder_digests(suffix: &str) -> impl Iterator<Item = Digest> {
    let words = PLACEHOLDERS.iter().copied().chain([""]);
    let written =
        words.flat_map(|word| FORMS.iter().map(move |(before, after)| format!("{before}{word}{after}")));
    written.flat_map(move |text| {
        let cases = [text.to_uppercase(), capitalized(&text), camel_case(&text), text];
        cases.map(|text| Digest::of([text.as_str(), suffix].concat().as_bytes()))
    })
}

/// The text with its first letter in upper case: `None`, `Bearer undefined`.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars().peekable();
    let head: String = std::iter::from_fn(|| letters.next_if(|letter| !letter.is_alphabetic())).collect();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    head + &first + &letters.collect::<String>()
}

/// The text as JavaScript writes such values: `NaN`, `[object Object]`.
fn camel_case(text: &str) -> String {
    let written = [
        ("nan", "NaN"),
        ("[object object]", "[object Object]"),
        ("[object promise]", "[object Promise]"),
        ("[object undefined]", "[object Undefined]"),
        ("bearer ", "Bearer "),
    ];
    written.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Texts that are commonly sent by mistake.
    const COMMON: [&str; 22] = [
        "",
        "undefined",
        "null",
        "NULL",
        "None",
        "nil",
        "NaN",
        "test",
        "Test",
        "true",
        "false",
        "[object Object]",
        "Bearer",
        "Bearer undefined",
        "bearer null",
        "\"\"",
        "\"undefined\"",
        "'null'",
        "${API_KEY}",
        "YOUR_API_KEY",
        "$API_KEY",
        "null\n",
    ];

    #[test]
    fn common_mistakes_are_placeholders_by_text_and_by_digest() {
        for suffix in ["", "-pepper"] {
            let digests: HashSet<_> = placeholder_digests(suffix).map(|digest| digest.cache_key()).collect();
            for text in COMMON {
                assert!(is_placeholder(text), "{text:?}");
                let digest = Digest::of([text, suffix].concat().as_bytes());
                assert!(digests.contains(&digest.cache_key()), "{text:?}");
            }
        }
    }

    #[test]
    fn a_key_is_no_placeholder() {
        for key in
            ["gk_live_uLxNLgBs31ptkBuuCR5p2PFQQKkq6sM9Qn", "legacy-key-1", "SG.abc.def", "test-key-7", "k1"]
        {
            assert!(!is_placeholder(key), "{key}");
        }
    }
}
