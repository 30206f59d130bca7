//! Checks the TLS certificate and its key.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::finding::Finding;
use crate::cli::serve;
use crate::config::Config;
use crate::http::Tls;

/// A certificate that expires sooner than this is reported.
const EXPIRY_WARNING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

pub(super) fn check(config: &Config) -> Vec<Finding> {
    match serve::tls(config) {
        Err(error) => vec![Finding::error("certificate", error.message(), "set both, or neither")],
        Ok(None) => Vec::new(),
        Ok(Some(tls)) => {
            let mut findings = check_permissions(&tls.key).map_or_else(Vec::new, |finding| vec![finding]);
            findings.push(check_pair(&tls).unwrap_or_else(|finding| finding));
            findings
        }
    }
}

fn check_permissions(key: &Path) -> Option<Finding> {
    let mode = fs::metadata(key).ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        let message = format!("{} has mode {mode:03o}: every user of the machine can read it", key.display());
        Finding::error("certificate", message, format!("chmod o-rwx {}", key.display()))
    })
}

fn check_pair(tls: &Tls) -> Result<Finding, Finding> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        let message = format!("{} is not a PEM file that can be used: {error}", path.display());
        Finding::error("certificate", message, "name the PEM files that the certificate authority issued")
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(&tls.certificate, &error))?;
    let Some(first) = chain.first().cloned() else {
        return Err(unreadable(&tls.certificate, &"it contains no certificate"));
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| unreadable(&tls.key, &error))?;
    let pair = CertifiedKey::from_der(chain, key, &default_provider());
    if let Err(error) = pair.and_then(|pair| pair.keys_match()) {
        let message =
            format!("{} is not the key of {}: {error}", tls.key.display(), tls.certificate.display());
        return Err(Finding::error(
            "certificate",
            message,
            "name the key that the certificate was issued for",
        ));
    }
    let certificate = Certificate::from_der(&first).map_err(|error| unreadable(&tls.certificate, &error))?;
    let validity = certificate.tbs_certificate().validity();
    let (from, to) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    Ok(check_validity(from, to, now()))
}

const RENEW: &str = "renew it; the server loads new files by itself";

fn check_validity(from: Duration, to: Duration, now: Duration) -> Finding {
    let shown = |time: Duration| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).map_or_else(|_| "the end of time".to_owned(), |time| time.to_string())
    };
    if now < from {
        let message = format!("the certificate is not valid before {}", shown(from));
        return Finding::error("certificate", message, "correct the machine's clock, or wait");
    }
    if now >= to {
        return Finding::error("certificate", format!("the certificate expired at {}", shown(to)), RENEW);
    }
    if to.saturating_sub(now) < EXPIRY_WARNING {
        return Finding::warning("certificate", format!("the certificate expires at {}", shown(to)), RENEW);
    }
    Finding::ok("certificate", format!("the certificate matches its key and is valid until {}", shown(to)))
}

fn now() -> Duration {
    Duration::from_millis(u64::try_from(gatekeeper::Clock::System.unix_ms()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_certificate_is_valid_from_its_start_until_its_end() {
        let day = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        let level = |now| check_validity(day(10), day(100), now).level;
        assert_eq!(level(day(9)), Level::Error);
        assert_eq!(level(day(10)), Level::Ok);
        assert_eq!(level(day(90)), Level::Warning);
        assert_eq!(level(day(100)), Level::Error);
    }
}
