//! The parameters of `/check`, from its query or from headers.

use axum::http::{HeaderMap, Method};
use gatekeeper::internal::whole_number;
use gatekeeper::keys::VerifyApiKey;
use gatekeeper::{GatekeeperError, Result, Secret, Tenants};

/// The query parameter that moves the other parameters to headers.
const IN_HEADERS: &str = "headers";
const FORWARDED_METHOD: &str = "x-forwarded-method";

/// The parameters as names and values.
pub(super) type QueryParams = Vec<(String, String)>;

/// A valid request of a gateway.
#[derive(Debug)]
pub(super) struct CheckRequest {
    /// The verification to perform; its key is still empty.
    pub(super) verification: VerifyApiKey,
    /// Whether CORS preflight requests are allowed without a key.
    allows_preflights: bool,
    /// The method of the client's request, if the query contains it.
    method: Option<String>,
}

/// Reads the parameters from the query, or from headers if the query says so.
pub(super) fn read_params(query: Option<&str>, headers: &HeaderMap) -> Result<QueryParams> {
    let params: QueryParams =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    if !params.iter().any(|(name, value)| name == IN_HEADERS && value.is_empty()) {
        return Ok(params);
    }
    let mut check = from_headers(headers, &["endpoint", "variable", "scope", "cost"])?;
    for (name, value) in params {
        match name.as_str() {
            IN_HEADERS => {}
            "tenant" | "preflight" | "method" => check.push((name, value)),
            _ => return Err(bad("with headers, the query may only contain tenant, preflight and method")),
        }
    }
    Ok(check)
}

/// Reads all parameters from headers, for a gateway whose query is the client's.
pub(super) fn params_in_headers(headers: &HeaderMap) -> Result<QueryParams> {
    from_headers(headers, &["endpoint", "variable", "scope", "cost", "preflight"])
}

fn from_headers(headers: &HeaderMap, names: &[&str]) -> Result<QueryParams> {
    let mut params = Vec::new();
    for name in names {
        for value in headers.get_all(format!("x-gatekeeper-{name}")) {
            let value = std::str::from_utf8(value.as_bytes()).map_err(|_| bad("a header is not UTF-8"))?;
            params.push(((*name).to_owned(), value.to_owned()));
        }
    }
    Ok(params)
}

impl CheckRequest {
    pub(super) fn read(params: QueryParams, accepted: &Tenants) -> Result<Self> {
        let mut verification = VerifyApiKey::new(Secret::new(""), "");
        let (mut endpoint, mut cost, mut tenants) = (None, None, Vec::new());
        let (mut preflight, mut method) = (None, None);
        for (name, value) in params {
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
                    // An invalid cost becomes 0, which the operation rejects with the allowed range.
                    cost = Some(whole_number(&value).and_then(|cost| u32::try_from(cost).ok()).unwrap_or(0));
                }
                _ => {
                    return Err(bad(
                        "send endpoint, cost, preflight and method at most once, variable, scope and tenant as often as needed, \
                         and nothing else",
                    ));
                }
            }
        }
        verification.endpoint =
            endpoint.ok_or_else(|| bad("endpoint is missing: request /check?endpoint=NAME"))?;
        verification.cost = cost.unwrap_or(1);
        verification.tenants = Some(selected(&tenants, accepted)?);
        Ok(Self { verification, allows_preflights: preflight.is_some(), method })
    }

    /// Whether the client's request is a preflight (Fetch standard, CORS-preflight request) that the gateway allows
    /// without a key. `method` is the method of the client's request, if the route knows it.
    ///
    /// # Errors
    /// `bad_request` if preflights are allowed and the method is not known.
    pub(super) fn is_allowed_preflight(&self, method: Option<&str>, headers: &HeaderMap) -> Result<bool> {
        if !self.allows_preflights {
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

/// The method of the client's request in `X-Forwarded-Method`, if there is exactly one: the gateway set it.
pub(super) fn forwarded_method(headers: &HeaderMap) -> Option<&str> {
    let mut methods = headers.get_all(FORWARDED_METHOD).iter();
    match (methods.next(), methods.next()) {
        (Some(method), None) => method.to_str().ok(),
        _ => None,
    }
}

/// The tenants in the query, which must be accepted; without any, all accepted tenants.
fn selected(tenants: &[String], accepted: &Tenants) -> Result<Tenants> {
    if tenants.is_empty() {
        return Ok(accepted.clone());
    }
    let selected = Tenants::named(tenants)?;
    let are_accepted = selected.ids().is_some_and(|ids| ids.iter().all(|id| accepted.includes(*id)));
    are_accepted.then_some(selected).ok_or_else(|| {
        bad("tenant must be default or the id of a tenant listed in `tenants` of [gateway] in gatekeeper.toml")
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
        let check = CheckRequest::read(read_params(Some(query), &headers)?, &Tenants::DEFAULT)?.verification;
        Ok((check.endpoint, check.variables, check.scopes, check.cost))
    }

    #[test]
    fn parameters_are_read_from_the_query() {
        let (endpoint, variables, scopes, cost) =
            read("endpoint=GET&variable=a%26b&scope=read&scope=write&cost=2").unwrap();
        assert_eq!((endpoint.as_str(), cost), ("GET", 2));
        assert_eq!(
            (variables, scopes),
            (vec!["a&b".to_owned()], vec!["read".to_owned(), "write".to_owned()])
        );
    }

    #[test]
    fn headers_are_read_only_if_the_query_says_so() {
        let (endpoint, variables, ..) = read("endpoint=GET").unwrap();
        assert_eq!((endpoint.as_str(), variables.len()), ("GET", 0));
        assert!(read("").is_err());
        let (endpoint, variables, ..) = read("headers").unwrap();
        assert_eq!((endpoint.as_str(), variables), ("CHEAP", vec!["fresh".to_owned()]));
    }

    #[test]
    fn invalid_parameters_are_rejected() {
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

    /// The tenants of a verification, if these tenants are configured.
    fn tenants(configured: &str, query: &str) -> Result<Tenants> {
        let mut headers = HeaderMap::new();
        headers.insert("x-gatekeeper-endpoint", HeaderValue::from_static("GET"));
        headers.insert("x-gatekeeper-tenant", HeaderValue::from_static(ACME));
        headers.insert("x-gatekeeper-tenants", HeaderValue::from_static("all"));
        let configured: Vec<&str> = configured.split(' ').collect();
        let accepted = Tenants::named(&configured).unwrap();
        Ok(CheckRequest::read(read_params(Some(query), &headers)?, &accepted)?.verification.tenants.unwrap())
    }

    #[test]
    fn the_query_selects_some_of_the_configured_tenants_and_a_header_never_does() {
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
    fn with_headers_the_query_may_only_contain_tenant_preflight_and_method() {
        for both in ["headers&endpoint=OTHER", "headers&scope=read", "cost=1&headers", "headers&nothing=x"] {
            assert_eq!(read(both).unwrap_err().status(), 400, "{both}");
        }
    }

    /// Whether a request with these headers is allowed as a preflight.
    fn passes(query: &str, method: Option<&str>, names: &[&'static str]) -> Result<bool> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(*name, HeaderValue::from_static("pass"));
        }
        let check = CheckRequest::read(read_params(Some(query), &headers)?, &Tenants::DEFAULT)?;
        check.is_allowed_preflight(method, &headers)
    }

    #[test]
    fn only_a_complete_preflight_is_allowed_and_only_if_the_gateway_asks_for_it() {
        const BOTH: [&str; 2] = ["origin", "access-control-request-method"];
        assert!(passes("endpoint=A&preflight=pass", Some("OPTIONS"), &BOTH).unwrap());
        assert!(passes("endpoint=A&preflight=pass&method=OPTIONS", None, &BOTH).unwrap());
        for (query, method) in [
            ("endpoint=A", Some("OPTIONS")),
            ("endpoint=A&method=OPTIONS", None),
            ("endpoint=A&preflight=pass", Some("GET")),
            ("endpoint=A&preflight=pass", Some("options")),
            // The query, which the gateway writes, overrides the header, which may come from the client.
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
    fn a_client_cannot_request_preflight_by_a_header() {
        let names =
            ["origin", "access-control-request-method", "x-gatekeeper-endpoint", "x-gatekeeper-preflight"];
        assert!(!passes("headers", Some("OPTIONS"), &names).unwrap());
        assert!(passes("headers&preflight=pass", Some("OPTIONS"), &names).unwrap());
    }

    #[test]
    fn a_repeated_forwarded_method_is_ignored() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_method(&headers), None);
        headers.append(FORWARDED_METHOD, HeaderValue::from_static("OPTIONS"));
        assert_eq!(forwarded_method(&headers), Some("OPTIONS"));
        headers.append(FORWARDED_METHOD, HeaderValue::from_static("OPTIONS"));
        assert_eq!(forwarded_method(&headers), None);
    }
}
