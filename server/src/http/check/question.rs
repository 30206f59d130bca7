//! The question of a gateway, from its query or its headers.

use axum::http::{HeaderMap, Method};
use gatekeeper::{GatekeeperError, Result, Secret, Tenants, VerifyApiKey, whole_number};

/// What is asked in headers, where the query says so.
const IN_HEADERS: &str = "headers";
const FORWARDED_METHOD: &str = "x-forwarded-method";

/// What is asked: names and values.
pub(super) type Asked = Vec<(String, String)>;

/// A question that can be answered.
#[derive(Debug)]
pub(super) struct Question {
    /// The verification that is asked for, with an empty key.
    pub(super) verification: VerifyApiKey,
    /// Whether a browser's preflight is let through without a key.
    passes_preflights: bool,
    /// The method of the client's request, where the query names it.
    method: Option<String>,
}

pub(super) fn asked(query: Option<&str>, headers: &HeaderMap) -> Result<Asked> {
    let asked: Asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    if !asked.iter().any(|(name, value)| name == IN_HEADERS && value.is_empty()) {
        return Ok(asked);
    }
    let mut question = named_in(headers, &["endpoint", "variable", "scope", "cost"])?;
    for (name, value) in asked {
        match name.as_str() {
            IN_HEADERS => {}
            "tenant" | "preflight" | "method" => question.push((name, value)),
            _ => return Err(bad("beside headers, the query can only name tenant, preflight and method")),
        }
    }
    Ok(question)
}

/// All of a question in headers: the query is the client's.
pub(super) fn in_headers(headers: &HeaderMap) -> Result<Asked> {
    named_in(headers, &["endpoint", "variable", "scope", "cost", "preflight"])
}

fn named_in(headers: &HeaderMap, names: &[&str]) -> Result<Asked> {
    let mut asked = Vec::new();
    for name in names {
        for value in headers.get_all(format!("x-gatekeeper-{name}")) {
            let value = std::str::from_utf8(value.as_bytes()).map_err(|_| bad("a header is not UTF-8"))?;
            asked.push(((*name).to_owned(), value.to_owned()));
        }
    }
    Ok(asked)
}

impl Question {
    pub(super) fn read(asked: Asked, accepted: &Tenants) -> Result<Self> {
        let mut verification = VerifyApiKey::new(Secret::new(""), "");
        let (mut endpoint, mut cost, mut tenants) = (None, None, Vec::new());
        let (mut preflight, mut method) = (None, None);
        for (name, value) in asked {
            match name.as_str() {
                "endpoint" if endpoint.is_none() => endpoint = Some(value),
                "variable" => verification.variables.push(value),
                "scope" => verification.scopes.push(value),
                "tenant" => tenants.push(value),
                "method" if method.is_none() => method = Some(value),
                "preflight" if preflight.is_none() && value == "pass" => preflight = Some(()),
                "preflight" => {
                    return Err(bad("preflight must be pass, once: leave it out to ask for a key"));
                }
                "cost" if cost.is_none() => {
                    // One that is out of range is for the operation to reject.
                    cost = Some(whole_number(&value).and_then(|cost| u32::try_from(cost).ok()).unwrap_or(0));
                }
                _ => {
                    return Err(bad(
                        "give endpoint, cost, preflight and method once, variable, scope and tenant as often as \
                         needed, and nothing else",
                    ));
                }
            }
        }
        verification.endpoint =
            endpoint.ok_or_else(|| bad("endpoint is missing: ask for /check?endpoint=NAME"))?;
        verification.cost = cost.unwrap_or(1);
        verification.tenants = Some(chosen(&tenants, accepted)?);
        Ok(Self { verification, passes_preflights: preflight.is_some(), method })
    }

    /// Whether the client's request is a preflight (Fetch standard, CORS-preflight request), and the gateway lets those
    /// through. `method` is the request's, where the gateway's route knows it.
    ///
    /// # Errors
    /// `bad_request` where preflights pass and the method is not known.
    pub(super) fn is_passed_preflight(&self, method: Option<&str>, headers: &HeaderMap) -> Result<bool> {
        if !self.passes_preflights {
            return Ok(false);
        }
        let method = self.method.as_deref().or(method).ok_or_else(|| {
            bad("preflight=pass needs the method of the client's request: add method to the query, such as \
                 method=$request_method in nginx, or let the gateway set X-Forwarded-Method")
        })?;
        let has = |name: &str| headers.contains_key(name);
        Ok(method == Method::OPTIONS.as_str() && has("origin") && has("access-control-request-method"))
    }
}

/// The method of the client's request, as Caddy and Traefik tell it. More than one was not set by the gateway alone.
pub(super) fn forwarded_method(headers: &HeaderMap) -> Option<&str> {
    let mut methods = headers.get_all(FORWARDED_METHOD).iter();
    match (methods.next(), methods.next()) {
        (Some(method), None) => method.to_str().ok(),
        _ => None,
    }
}

/// The tenants that a question names, of those that are accepted; all of these where it names none.
fn chosen(tenants: &[String], accepted: &Tenants) -> Result<Tenants> {
    if tenants.is_empty() {
        return Ok(accepted.clone());
    }
    let chosen = Tenants::named(tenants)?;
    let are_accepted = chosen.ids().is_some_and(|ids| ids.iter().all(|id| accepted.includes(*id)));
    are_accepted.then_some(chosen).ok_or_else(|| {
        bad("tenant must be an id of one that `tenants` of [gateway] in gatekeeper.toml names, or default")
    })
}

fn bad(message: &str) -> GatekeeperError {
    GatekeeperError::bad_request(message)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(query: &str) -> Result<(String, Vec<String>, Vec<String>, u32)> {
        let mut headers = HeaderMap::new();
        headers.insert("x-gatekeeper-endpoint", HeaderValue::from_static("CHEAP"));
        headers.insert("x-gatekeeper-variable", HeaderValue::from_static("fresh"));
        let question = Question::read(asked(Some(query), &headers)?, &Tenants::DEFAULT)?.verification;
        Ok((question.endpoint, question.variables, question.scopes, question.cost))
    }

    #[test]
    fn a_question_is_read_from_a_query() {
        let (endpoint, variables, scopes, cost) =
            read("endpoint=GET&variable=a%26b&scope=read&scope=write&cost=2").unwrap();
        assert_eq!((endpoint.as_str(), cost), ("GET", 2));
        assert_eq!(
            (variables, scopes),
            (vec!["a&b".to_owned()], vec!["read".to_owned(), "write".to_owned()])
        );
    }

    #[test]
    fn headers_are_asked_only_where_the_gateway_says_so() {
        let (endpoint, variables, ..) = read("endpoint=GET").unwrap();
        assert_eq!((endpoint.as_str(), variables.len()), ("GET", 0));
        assert!(read("").is_err());
        let (endpoint, variables, ..) = read("headers").unwrap();
        assert_eq!((endpoint.as_str(), variables), ("CHEAP", vec!["fresh".to_owned()]));
    }

    #[test]
    fn a_question_that_is_not_one_is_rejected() {
        for wrong in [
            "",
            "variable=a",
            "endpoint=A&endpoint=B",
            "endpoint=A&key=x",
            "endpoint=A&cost=1&cost=3",
            "endpoint=A&preflight=yes",
            "endpoint=A&preflight=pass&preflight=pass",
            "endpoint=A&method=GET&method=OPTIONS",
        ] {
            assert_eq!(read(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }

    const ACME: &str = "tnt_01jdx0x3v0f7zsn8f4k3m9qz5r";

    /// Whose keys count, where these tenants are configured.
    fn tenants(configured: &str, query: &str) -> Result<Tenants> {
        let mut headers = HeaderMap::new();
        headers.insert("x-gatekeeper-endpoint", HeaderValue::from_static("GET"));
        headers.insert("x-gatekeeper-tenant", HeaderValue::from_static(ACME));
        headers.insert("x-gatekeeper-tenants", HeaderValue::from_static("all"));
        let configured: Vec<&str> = configured.split(' ').collect();
        let accepted = Tenants::named(&configured).unwrap();
        Ok(Question::read(asked(Some(query), &headers)?, &accepted)?.verification.tenants.unwrap())
    }

    #[test]
    fn the_query_chooses_among_the_tenants_that_are_configured_and_a_header_never_does() {
        let both = format!("default {ACME}");
        for query in ["endpoint=GET", "headers"] {
            assert_eq!(tenants("default", query).unwrap(), Tenants::DEFAULT);
            assert_eq!(tenants(&both, query).unwrap(), Tenants::named(&["default", ACME]).unwrap());
            let query = format!("{query}&tenant={ACME}");
            assert_eq!(tenants(&both, &query).unwrap(), Tenants::named(&[ACME]).unwrap());
            assert_eq!(tenants("all", &query).unwrap(), Tenants::named(&[ACME]).unwrap());
            assert_eq!(tenants("default", &query).unwrap_err().status(), 400);
            let query = format!("{query}&tenant=default");
            assert_eq!(tenants(&both, &query).unwrap(), Tenants::named(&["default", ACME]).unwrap());
            for wrong in ["all", "", "canary"] {
                let wrong = tenants(&both, &format!("endpoint=GET&tenant={wrong}")).unwrap_err();
                assert!(wrong.status() == 400 && !wrong.message().contains("canary"), "{wrong}");
            }
        }
        assert_eq!(tenants("all", "endpoint=GET").unwrap(), Tenants::ALL);
    }

    #[test]
    fn beside_headers_the_query_can_name_tenants_and_preflights_alone() {
        for both in ["headers&endpoint=OTHER", "headers&scope=read", "cost=1&headers", "headers&nothing=x"] {
            assert_eq!(read(both).unwrap_err().status(), 400, "{both}");
        }
    }

    /// Whether a request with these headers passes as a preflight.
    fn passes(query: &str, method: Option<&str>, names: &[&'static str]) -> Result<bool> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(*name, HeaderValue::from_static("pass"));
        }
        let question = Question::read(asked(Some(query), &headers)?, &Tenants::DEFAULT)?;
        question.is_passed_preflight(method, &headers)
    }

    #[test]
    fn only_a_whole_preflight_passes_and_only_where_the_gateway_asks_for_it() {
        const BOTH: [&str; 2] = ["origin", "access-control-request-method"];
        assert!(passes("endpoint=A&preflight=pass", Some("OPTIONS"), &BOTH).unwrap());
        assert!(passes("endpoint=A&preflight=pass&method=OPTIONS", None, &BOTH).unwrap());
        for (query, method) in [
            ("endpoint=A", Some("OPTIONS")),
            ("endpoint=A&method=OPTIONS", None),
            ("endpoint=A&preflight=pass", Some("GET")),
            ("endpoint=A&preflight=pass", Some("options")),
            // What the gateway writes into the query comes before a header, which may be the client's.
            ("endpoint=A&preflight=pass&method=GET", Some("OPTIONS")),
        ] {
            assert!(!passes(query, method, &BOTH).unwrap(), "{query} {method:?}");
        }
        for names in [&[][..], &BOTH[..1], &BOTH[1..]] {
            assert!(!passes("endpoint=A&preflight=pass", Some("OPTIONS"), names).unwrap(), "{names:?}");
        }
        assert_eq!(passes("endpoint=A&preflight=pass", None, &BOTH).unwrap_err().status(), 400);
    }

    #[test]
    fn a_client_asks_for_no_preflight_by_a_header() {
        let names =
            ["origin", "access-control-request-method", "x-gatekeeper-endpoint", "x-gatekeeper-preflight"];
        assert!(!passes("headers", Some("OPTIONS"), &names).unwrap());
        assert!(passes("headers&preflight=pass", Some("OPTIONS"), &names).unwrap());
    }

    #[test]
    fn a_method_that_is_forwarded_twice_is_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_method(&headers), None);
        headers.append(FORWARDED_METHOD, HeaderValue::from_static("OPTIONS"));
        assert_eq!(forwarded_method(&headers), Some("OPTIONS"));
        headers.append(FORWARDED_METHOD, HeaderValue::from_static("OPTIONS"));
        assert_eq!(forwarded_method(&headers), None);
    }
}
