//! Checks a remote server.

use gatekeeper::blocking::Gatekeeper;

use super::finding::Finding;
use crate::cli::failure::Failure;
use crate::cli::session::options;
use crate::cli::settings::without_password;
use crate::config::{Config, TOKEN};

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let url = without_password(config.url());
    let mut findings = vec![check_token(config)];
    if config.url().to_ascii_lowercase().starts_with("http://") && !is_local(config.url()) {
        findings.push(Finding::warning(
            "tls",
            format!("{url} is not encrypted: keys are sent in clear text"),
            "use https:// for another machine",
        ));
    }
    let ready = options(config)
        .and_then(|options| Ok(Gatekeeper::open_with(config.url(), options)?))
        .and_then(|gatekeeper| Ok(gatekeeper.check_ready()?));
    findings.push(match ready {
        Ok(()) => Finding::ok("server", format!("{url} is ready")),
        Err(Failure::Rejected(error)) => Finding::error(
            "server",
            format!("{url}: {}", error.message()),
            "start it with `gatekeeper serve`, or correct --url; on the server's machine, run `gatekeeper doctor`",
        ),
        Err(_) => Finding::error("server", format!("{url} cannot be checked"), "correct --url"),
    });
    findings
}

fn check_token(config: &Config) -> Finding {
    match config.token() {
        Err(error) => {
            Finding::error("token", error.message(), "set it to a root key, a key or an access token")
        }
        Ok(None) => Finding::warning(
            "token",
            format!("{TOKEN} is not set: the server treats requests as anonymous"),
            "set it to a root key, a key or an access token",
        ),
        Ok(Some(_)) => Finding::ok("token", format!("{TOKEN} is set")),
    }
}

fn is_local(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
}
