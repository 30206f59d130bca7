//! Where the server listens, and whom it believes.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::cli::serve;
use crate::config::{Config, HOST, PORT, SOCKET, TLS_CERT, TRUSTED_PROXIES};
use crate::http::{Signup, SignupRule};

const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = match config.path(&SOCKET) {
        Some(path) => vec![of_socket(&path)],
        None => of_address(config),
    };
    match serve::gateway_listen(config) {
        Err(error) => findings.push(Finding::error("gateways", error.message(), "write it so")),
        Ok(Some(address)) => findings.push(of_gateways(address)),
        Ok(None) => {}
    }
    findings.push(of_proxies(config));
    findings.extend(of_signup(config));
    findings.extend(of_origins(config));
    findings
}

fn of_socket(path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let found = format!("{} cannot be made", path.display());
        return Finding::error(
            "address",
            found,
            format!("make {} and let this user write to it", folder.display()),
        );
    }
    Finding::ok("address", format!("{} can be made", path.display()))
}

fn of_address(config: &Config) -> Vec<Finding> {
    let host = config.text(&HOST).unwrap_or_default();
    let port = config.whole(&PORT).and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let addresses: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let found = format!("{host} is no address of this machine: {error}");
            return vec![Finding::error(
                "address",
                found,
                "correct server.host: 127.0.0.1, or 0.0.0.0 for all",
            )];
        }
    };
    let mut findings = vec![match TcpListener::bind(addresses.as_slice()) {
        Ok(_) => Finding::ok("address", format!("{host}, port {port} can be listened on")),
        Err(_) if addresses.iter().any(is_ours) => {
            Finding::ok("address", format!("Gatekeeper is listening on {host}, port {port}"))
        }
        Err(error) => Finding::error(
            "address",
            format!("{host}, port {port} cannot be listened on: {error}"),
            "end the program that has it (see `ss -ltnp`), or choose another with server.port",
        ),
    }];
    let is_public = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
    if addresses.iter().any(is_public) && config.text(&TLS_CERT).is_none() {
        findings.push(Finding::warning(
            "tls",
            format!("{host} can be reached by other machines, and keys would travel in the clear"),
            "set server.tlsCert and server.tlsKey, or let only a proxy with TLS reach it",
        ));
    }
    findings
}

/// Who may make accounts. Where the configuration is wrong, others say so.
fn of_signup(config: &Config) -> Option<Finding> {
    let rule = serve::signup(config).ok()?;
    Some(match rule {
        SignupRule::Set(Signup::Open) => Finding::hint(
            "sign-up",
            format!("{rule}: anyone who reaches the server can make an account, a tenant and keys of it"),
            "if they should not: signup = \"closed\", and `gatekeeper users create EMAIL --tenant NAME`",
        ),
        SignupRule::Behind(_) => Finding::hint(
            "sign-up",
            rule.to_string(),
            "say so with signup = \"closed\"; or let anyone in with signup = \"open\"",
        ),
        SignupRule::Set(Signup::Closed) | SignupRule::Local => Finding::ok("sign-up", rule.to_string()),
    })
}

fn of_origins(config: &Config) -> Option<Finding> {
    match serve::cors_origins(config) {
        Err(error) => Some(Finding::error("cors", error.message(), "write them as browsers send them")),
        Ok(origins) if origins.iter().any(|origin| origin == "*") => Some(Finding::warning(
            "cors",
            "pages of every origin may call the server from their visitors' browsers",
            "name the origins that should",
        )),
        Ok(_) => None,
    }
}

/// Whether a Gatekeeper answers there.
fn is_ours(address: &SocketAddr) -> bool {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    asked().is_ok_and(|answer| answer.contains("\"service\":\"gatekeeper\""))
}

fn of_gateways(address: SocketAddr) -> Finding {
    if address.ip().to_canonical().is_loopback() {
        return Finding::ok("gateways", format!("they ask at {address}"));
    }
    Finding::warning(
        "gateways",
        format!("{address} can be reached by other machines: whoever can, uses up the limits of keys"),
        "let only the gateway reach it, or listen on 127.0.0.1",
    )
}

fn of_proxies(config: &Config) -> Finding {
    let proxies = config.texts(&TRUSTED_PROXIES);
    if let Err(error) = serve::proxies(config) {
        return Finding::error("proxies", error.message(), "correct server.trustedProxies");
    }
    let is_everybody = |proxy: &String| proxy.ends_with("/0");
    if proxies.iter().any(is_everybody) {
        let found = "everybody's X-Forwarded-For is believed: whoever guesses keys says to be somebody else each time";
        return Finding::error("proxies", found, "name the addresses of your proxies alone");
    }
    let host = config.text(&HOST).unwrap_or_default();
    let is_behind_one = host.parse::<IpAddr>().map_or(host == "localhost", |host| host.is_loopback());
    match (proxies.as_slice(), is_behind_one) {
        ([], true) => Finding::hint(
            "proxies",
            "nobody's X-Forwarded-For is believed: behind a proxy, all clients count as one",
            "where there is one on this machine, set server.trustedProxies = [\"127.0.0.1\", \"::1\"]",
        ),
        ([], false) => Finding::ok("proxies", "nobody's X-Forwarded-For is believed"),
        (proxies, _) => Finding::ok("proxies", format!("believed: {}", proxies.join(", "))),
    }
}
