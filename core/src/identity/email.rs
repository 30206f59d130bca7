//! E-mail addresses, normalized so that lookalike addresses are either equal or rejected.
//!
//! The part before the `@` follows the profile `UsernameCaseMapped` of PRECIS (RFC 8265 §3.3) where it is not
//! ASCII. The domain is mapped by IDNA (UTS #46), which removes invisible characters and replaces variant forms.

use std::fmt;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::{UnicodeNormalization as _, is_nfkc};

use crate::error::{GatekeeperError, Result};

/// The maximum length of an address (RFC 5321 §4.5.3.1.3: a path of 256 octets, without its angle brackets).
const MAX_BYTES: usize = 254;
/// The maximum length of the part before the `@` (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// A normalized address: NFC and lower case, the domain in ASCII form (UTS #46).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Parses and normalizes an address.
    ///
    /// # Errors
    /// `bad_request` that says what is wrong with the address and does not repeat it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > 4 * MAX_BYTES {
            return Err(wrong("is too long"));
        }
        let text: String = text.trim().nfc().collect();
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| wrong("has no @"))?;
        let local: String = local.to_lowercase().nfc().collect();
        let is_dot_atom = local.split('.').all(|atom| !atom.is_empty() && !atom.starts_with(is_mark))
            && local.chars().all(is_text)
            && is_nfkc(&local);
        if !is_dot_atom || local.len() > MAX_LOCAL {
            return Err(wrong("has no usable name before the @"));
        }
        let domain =
            idna::domain_to_ascii_strict(domain).map_err(|_| wrong("has no usable domain after the @"))?;
        if !domain.contains('.') || domain.len() > 253 || domain.starts_with('.') || domain.ends_with('.') {
            return Err(wrong("has no usable domain after the @"));
        }
        let email = format!("{local}@{domain}");
        if email.len() > MAX_BYTES {
            return Err(wrong("is too long"));
        }
        Ok(Self(email))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character may be in an atom: RFC 5322 §3.2.3; beyond ASCII, visible letters and digits (RFC 8264
/// §9.1), without those that only stretch others (RFC 5892 §2.6).
fn is_text(character: char) -> bool {
    const STRETCHING: [char; 10] = [
        '\u{640}', '\u{7fa}', '\u{302e}', '\u{302f}', '\u{3031}', '\u{3032}', '\u{3033}', '\u{3034}',
        '\u{3035}', '\u{303b}',
    ];
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(character);
    }
    let kinds = GeneralCategoryGroup::Letter.union(GeneralCategoryGroup::DecimalNumber).union(MARK);
    kinds.contains(category(character))
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
        && !STRETCHING.contains(&character)
}

/// Marks: characters that combine with the one before them.
const MARK: GeneralCategoryGroup =
    GeneralCategoryGroup::NonspacingMark.union(GeneralCategoryGroup::SpacingMark);

fn is_mark(character: char) -> bool {
    MARK.contains(category(character))
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

fn wrong(problem: &str) -> GatekeeperError {
    GatekeeperError::bad_request(format!("email {problem}: write it as name@example.com"))
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[e-mail]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        Email::parse(text).unwrap().as_str().to_owned()
    }

    #[test]
    fn equivalent_addresses_are_equal() {
        assert_eq!(normal(" Founder@Example.COM "), "founder@example.com");
        assert_eq!(normal("e\u{301}va@example.com"), normal("\u{c9}va@example.com"));
        assert_eq!(normal("a@b\u{fc}cher.example"), "a@xn--bcher-kva.example");
        assert_eq!(normal("a@B\u{dc}CHER.example"), normal("a@xn--bcher-kva.example"));
        assert_eq!(normal("a+tag@example.com"), "a+tag@example.com");
    }

    #[test]
    fn lookalike_addresses_are_equal_or_rejected() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/emails.json");
        let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for pair in cases["cases"].as_array().unwrap() {
            let first = normal(pair[0].as_str().unwrap());
            match Email::parse(pair[1].as_str().unwrap()) {
                Ok(second) => assert_eq!(second.as_str(), first, "{pair}"),
                Err(error) => assert_eq!(error.code(), "bad_request", "{pair}"),
            }
        }
    }

    #[test]
    fn names_in_any_script_are_accepted() {
        for text in [
            "\u{fc}mit@example.com",
            "\u{45f}\u{43e}\u{43d}.\u{434}@example.com",
            "\u{5d3}\u{5d5}\u{5d3}@example.com",
            "\u{645}\u{62d}\u{645}\u{62f}@example.com",
            "\u{938}\u{924}\u{94d}\u{92f}@example.com",
            "\u{4f50}\u{85e4}7@example.com",
            "\u{d64d}\u{ae38}\u{b3d9}@example.com",
            "\u{e19}\u{e49}\u{e32}@example.com",
        ] {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_invalid_address_is_rejected_without_repeating_it() {
        let long = format!("{}@example.com", "a".repeat(65));
        let huge = "canary@".repeat(100_000);
        for text in [
            "",
            "canary",
            "@example.com",
            "canary@",
            "canary@localhost",
            "can ary@example.com",
            "canary\0@example.com",
            "canary@exa mple.com",
            ".canary@example.com",
            "ca..nary@example.com",
            "canary@-.com",
            "canary@example..com",
            "canary\n@example.com",
            "\"canary\"@example.com",
            &long,
            &huge,
        ] {
            let error = Email::parse(text).unwrap_err();
            assert_eq!(error.code(), "bad_request");
            assert!(!error.message().contains("canary"), "{text:?}");
        }
    }
}
