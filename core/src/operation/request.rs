//! The fields of a request, gathered from a JSON object, a path and a query.

use std::fmt;

use crate::secret::Secret;

/// The fields of a request. A field that is given twice is rejected, also if one is in the JSON and one in the path.
/// `Debug` does not show them: they may contain secrets.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// A JSON object.
    pub json: &'a str,
    /// Names and values from a path or a query. The type of the field determines how the text is parsed. A name that
    /// occurs more than once is a list.
    pub texts: &'a [(String, String)],
    /// How to handle a field that the operation does not have.
    pub unknown_fields: UnknownFields,
}

/// A [`Request`] with its own texts.
pub(crate) struct OwnedRequest {
    json: Secret,
    texts: Vec<(String, String)>,
    unknown_fields: UnknownFields,
}

impl Request<'_> {
    pub(crate) fn into_owned(self) -> OwnedRequest {
        let Self { json, texts, unknown_fields } = self;
        OwnedRequest { json: Secret::new(json), texts: texts.to_vec(), unknown_fields }
    }
}

impl OwnedRequest {
    pub(crate) fn borrow(&self) -> Request<'_> {
        Request { json: self.json.expose(), texts: &self.texts, unknown_fields: self.unknown_fields }
    }
}

/// How to handle a field that an operation does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// The request is rejected: the field may be misspelt.
    #[default]
    Rejected,
    /// The field is ignored, and logged once per operation. For clients of an API that has always ignored such fields.
    Ignored,
}

impl<'a> From<&'a str> for Request<'a> {
    fn from(json: &'a str) -> Self {
        Self { json, texts: &[], unknown_fields: UnknownFields::Rejected }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("unknown_fields", &self.unknown_fields).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::operation::decode::decode;
    use crate::operation::field::{Moment, PageLimit};
    use crate::whole::Range as _;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        id: String,
        #[serde(default, deserialize_with = "PageLimit::read")]
        limit: Option<u32>,
        #[serde(default, deserialize_with = "Moment::read")]
        from: Option<i64>,
        #[serde(default)]
        revoked: bool,
        #[serde(default)]
        scope: Vec<String>,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Live,
        Test,
    }

    fn read(json: &str, texts: &[(&str, &str)]) -> Result<Sample, String> {
        let texts: Vec<(String, String)> =
            texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        decode(Request { texts: &texts, ..Request::from(json) })
            .map_err(|error: crate::GatekeeperError| error.message().to_owned())
    }

    #[test]
    fn a_text_is_parsed_as_the_type_of_its_field() {
        let texts = [("id", "7"), ("limit", "7"), ("from", "-1"), ("revoked", "true"), ("kind", "test")];
        let scopes = [("scope", "a"), ("scope", "b")];
        let read = read("{}", &[&texts[..], &scopes].concat()).unwrap();
        assert_eq!((read.id.as_str(), read.limit, read.from, read.revoked), ("7", Some(7), Some(-1), true));
        assert_eq!((read.scope, read.kind), (vec!["a".to_owned(), "b".to_owned()], Some(Kind::Test)));
    }

    #[test]
    fn a_number_may_be_written_in_any_form_and_a_larger_limit_is_reduced_to_a_page() {
        for (text, limit) in
            [("7", 7), ("7.0", 7), ("7e0", 7), ("101", 100), ("5000000000", 100), ("1e300", 100)]
        {
            let in_text = read("{}", &[("id", "x"), ("limit", text)]).unwrap();
            let in_json = read(&format!(r#"{{"id": "x", "limit": {text}}}"#), &[]).unwrap();
            assert_eq!((in_text.limit, in_json.limit), (Some(limit), Some(limit)), "{text}");
        }
    }

    #[test]
    fn texts_and_json_are_one_request_and_a_field_in_both_is_rejected() {
        assert_eq!(read(r#"{"limit": 3}"#, &[("id", "x")]).unwrap().limit, Some(3));
        assert_eq!(read(r#"{"id": "EVIL"}"#, &[("id", "x")]).unwrap_err(), "id is given twice");
        assert_eq!(read(r#"{"id": "x"}"#, &[]).unwrap().id, "x");
    }

    #[test]
    fn a_text_of_the_wrong_type_is_rejected_by_field_name_and_not_repeated() {
        for (name, value) in [
            ("limit", "canary"),
            ("limit", ""),
            ("limit", "-1"),
            ("from", "1.5"),
            ("revoked", "canary"),
            ("kind", "canary"),
            ("lmit", "1"),
        ] {
            let rejection = read("{}", &[("id", "x"), (name, value)]).unwrap_err();
            assert!(rejection.starts_with(name) && !rejection.contains("canary"), "{rejection}");
        }
        assert!(read("{}", &[("id", "x"), ("limit", "1"), ("limit", "2")]).unwrap_err().starts_with("limit"));
        assert_eq!(read("{}", &[("limit", "1")]).unwrap_err(), "id is missing");
        for broken in ["", "[]", "{\"limit\": 1", "{} x"] {
            assert!(read(broken, &[("id", "x")]).is_err());
        }
    }
}
