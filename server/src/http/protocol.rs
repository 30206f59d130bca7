//! Checks of HTTP that hyper does not perform.

use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Version};
use gatekeeper::GatekeeperError;

/// A violation of HTTP: the status, and an error with what to send instead.
pub(crate) type Violation = (StatusCode, GatekeeperError);

/// Checks `Host` and the headers that frame the body.
///
/// # Errors
/// 400 without exactly one valid `Host` (RFC 9112 §3.2), 501 for a transfer coding other than `chunked` (§6.1).
pub(crate) fn check(version: Version, headers: &HeaderMap) -> Result<(), Violation> {
    check_host(version, headers).map_err(|message| (StatusCode::BAD_REQUEST, message))?;
    check_transfer_encoding(headers)
}

fn check_host(version: Version, headers: &HeaderMap) -> Result<(), GatekeeperError> {
    let mut hosts = headers.get_all(HOST).iter();
    let is_valid = match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            let host = host.as_bytes();
            // User information is part of a URL, not of a host.
            host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
        }
        (None, _) => version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    let message = "the request must have exactly one header Host, with a host and an optional port";
    is_valid.then_some(()).ok_or_else(|| GatekeeperError::bad_request(message))
}

fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), Violation> {
    let lines = headers.get_all(TRANSFER_ENCODING).iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let (mut chunked, mut others) = (0_usize, 0_usize);
    for coding in codings {
        let count = if coding.eq_ignore_ascii_case(b"chunked") { &mut chunked } else { &mut others };
        *count += 1;
    }
    if others > 0 {
        let message = "Transfer-Encoding must be chunked: send the body without any other coding";
        return Err((StatusCode::NOT_IMPLEMENTED, GatekeeperError::bad_request(message)));
    }
    if chunked > 1 {
        let message = "Transfer-Encoding must be chunked, and only once";
        return Err((StatusCode::BAD_REQUEST, GatekeeperError::bad_request(message)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn status(version: Version, headers: &[(HeaderName, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        check(version, &map).err().map_or(200, |(status, _)| status.as_u16())
    }

    #[test]
    fn a_request_has_exactly_one_valid_host() {
        let of = |hosts: &[&str]| {
            let headers: Vec<_> = hosts.iter().map(|host| (HOST, *host)).collect();
            status(Version::HTTP_11, &headers)
        };
        for host in ["localhost", "localhost:8787", "[::1]:8787", "192.0.2.1", "a.example", ""] {
            assert_eq!(of(&[host]), 200, "{host}");
        }
        for hosts in [
            &[][..],
            &["a", "b"],
            &["a", "a"],
            &["a b"],
            &["a/b"],
            &["u@a"],
            &["a, b"],
            &["a:port:x"],
            &["é"],
        ] {
            assert_eq!(of(hosts), 400, "{hosts:?}");
        }
        assert_eq!(status(Version::HTTP_10, &[]), 200);
    }

    #[test]
    fn the_only_transfer_coding_is_chunked() {
        let of = |codings: &[&str]| {
            let headers = codings.iter().map(|coding| (TRANSFER_ENCODING, *coding));
            let headers: Vec<_> = [(HOST, "a")].into_iter().chain(headers).collect();
            status(Version::HTTP_11, &headers)
        };
        assert_eq!((of(&[]), of(&["chunked"]), of(&["Chunked"])), (200, 200, 200));
        for codings in
            [&["gzip, chunked"][..], &["gzip", "chunked"], &["identity"], &["chunked, gzip"], &[""]]
        {
            assert_eq!(of(codings), 501, "{codings:?}");
        }
        assert_eq!((of(&["chunked, chunked"]), of(&["chunked", "chunked"])), (400, 400));
    }
}
