//! E-mail addresses: two that are one to people are one here.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use crate::error::{GatekeeperError, Result};

/// The longest address (RFC 5321 §4.5.3.1.3: a path of 256 octets, less its angle brackets).
const MOST_BYTES: usize = 254;
/// The longest part before the `@` (RFC 5321 §4.5.3.1.1).
const MOST_LOCAL: usize = 64;

/// A normalised address: NFC and lower case, the domain as IDNA's ASCII form (UTS #46).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// The address in `text`.
    ///
    /// # Errors
    /// `bad_request` that says what is wrong with it, and does not repeat it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > 4 * MOST_BYTES {
            return Err(wrong("is too long"));
        }
        let text: String = text.trim().nfc().collect();
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| wrong("has no @"))?;
        let local: String = local.to_lowercase().nfc().collect();
        let is_dot_atom = !local.is_empty()
            && local.split('.').all(|atom| !atom.is_empty())
            && local.chars().all(|each| is_text(each) && !each.is_control() && !each.is_whitespace());
        if !is_dot_atom || local.len() > MOST_LOCAL {
            return Err(wrong("has no usable name before the @"));
        }
        let domain =
            idna::domain_to_ascii_strict(domain).map_err(|_| wrong("has no usable domain after the @"))?;
        if !domain.contains('.') || domain.len() > 253 || domain.starts_with('.') || domain.ends_with('.') {
            return Err(wrong("has no usable domain after the @"));
        }
        let email = format!("{local}@{domain}");
        if email.len() > MOST_BYTES {
            return Err(wrong("is too long"));
        }
        Ok(Self(email))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an atom may hold: RFC 5322 §3.2.3, and beyond ASCII RFC 6532 §3.2.
fn is_text(character: char) -> bool {
    !character.is_ascii() || character.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(character)
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
    fn what_is_one_address_to_people_is_one_here() {
        assert_eq!(normal(" Founder@Example.COM "), "founder@example.com");
        assert_eq!(normal("e\u{301}va@example.com"), normal("\u{c9}va@example.com"));
        assert_eq!(normal("a@b\u{fc}cher.example"), "a@xn--bcher-kva.example");
        assert_eq!(normal("a@B\u{dc}CHER.example"), normal("a@xn--bcher-kva.example"));
        assert_eq!(normal("a+tag@example.com"), "a+tag@example.com");
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
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
