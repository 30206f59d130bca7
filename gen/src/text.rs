//! Names in the style of each language, and documentation converted from Rust's.

/// Converts `createdAt` to `created_at`.
pub(crate) fn snake(wire: &str) -> String {
    let mut name = String::new();
    for character in wire.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// Converts `listMembers` to `ListMembers`.
pub(crate) fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

/// Documentation without code blocks and links to Rust items.
pub(crate) fn prose(documentation: &str) -> String {
    let mut prose = String::new();
    let mut in_code = false;
    for line in documentation.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            prose.push_str(line.trim());
            prose.push('\n');
        }
    }
    without_links(prose.trim())
}

/// Converts ``[`Name`](crate::Name)`` and ``[`Name`]`` to `` `Name` ``.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[`") {
        plain.push_str(before);
        let link = after.split_once("`]").map(|(name, after)| {
            let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
            (name, target.map_or(after, |(_, after)| after))
        });
        let (text, after) =
            link.map_or(("[`".to_owned(), after), |(name, after)| (format!("`{name}`"), after));
        plain.push_str(&text);
        rest = after;
    }
    plain + rest
}

/// Wraps text into lines of at most `width` characters; paragraphs stay separate.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// The class of a service: `keys` becomes `KeysService`.
pub(crate) fn class(service: &str) -> String {
    match service {
        "oauth" => "OAuthService".to_owned(),
        service => capitalised(service) + "Service",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_documentation_are_converted_for_other_languages() {
        assert_eq!(snake("plainTextKey"), "plain_text_key");
        assert_eq!(capitalised("listMembers"), "ListMembers");
        assert_eq!(
            prose("The [`Refresh`](crate::Refresh) request, and a [`Page`].\n\n```\ncode\n```"),
            "The `Refresh` request, and a `Page`."
        );
        assert_eq!(wrapped("one two three\n\nfour", 7), ["one two", "three", "", "four"]);
    }
}
