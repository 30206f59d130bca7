//! Text from other people for terminals and spreadsheets: control and invisible characters are escaped.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with control characters, characters that change the direction of text, and those without a width escaped
/// as `\u{…}`, so that a terminal does not act on them and a reader sees them.
///
/// ```
/// use gatekeeper::internal::visible;
/// assert_eq!(visible("a\u{1b}]8;;x\u{202e}b"), r"a\u{1b}]8;;x\u{202e}b");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden, |shown, each| write!(shown, "\\u{{{:x}}}", u32::from(each)))
}

/// JSON text with the same characters escaped as `\uXXXX`, which leaves its meaning unchanged.
///
/// ```
/// assert_eq!(gatekeeper::internal::visible_json("{\"name\": \"a\u{9b}\u{e0001}\"}\n"), "{\"name\": \"a\\u009b\\udb40\\udc01\"}\n");
/// ```
#[must_use]
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // Within a string, JSON already requires the other ASCII control characters to be escaped. Outside, a line
    // break is white space.
    let is_raw = |each: char| is_hidden(each) && (each == '\u{7f}' || !each.is_ascii());
    escaped(json, is_raw, |shown, each| {
        let mut units = [0; 2];
        each.encode_utf16(&mut units).iter().try_for_each(|unit| write!(shown, "\\u{unit:04x}"))
    })
}

fn escaped(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    mut escape: impl FnMut(&mut String, char) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for each in text.chars() {
        if is_escaped(each) {
            // Writing to memory cannot fail.
            let _ = escape(&mut shown, each);
        } else {
            shown.push(each);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character is a control character, a line separator, a format character (general category Cf), or
/// ignorable (`Default_Ignorable_Code_Point`).
fn is_hidden(each: char) -> bool {
    each.is_control()
        || matches!(each,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        for hidden in "\0\u{7}\t\r\n\u{1b}\u{7f}\u{85}\u{9b}\u{9d}\u{ad}\u{61c}\u{200b}\u{200d}\u{200f}\u{2028}\u{202e}\u{2066}\u{2069}\u{2060}\u{3164}\u{feff}\u{fe0f}\u{e0041}".chars() {
            assert_eq!(visible(&format!("a{hidden}b")), format!("a\\u{{{:x}}}b", u32::from(hidden)));
        }
        let plain = "Zoë 東京 ✓ العربية \\ \"quoted\" 🦊";
        assert!(matches!(visible(plain), Cow::Borrowed(same) if same == plain));
    }

    proptest! {
        #[test]
        fn visible_json_is_the_same_json_without_hidden_characters(text in any::<String>(), inner in "[\u{7f}-\u{9f}\u{200b}-\u{206f}\u{e0000}-\u{e0fff}]*") {
            let value = serde_json::json!({ text: inner });
            let json = value.to_string();
            let shown = visible_json(&json);
            prop_assert!(!shown.contains(is_hidden));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
