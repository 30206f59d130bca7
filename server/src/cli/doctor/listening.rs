//! Checks where the server listens, and which clients and proxies it trusts.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::cli::serve;
use crate::config::{Config, HOST, PORT, SOCKET, TLS_CERT, TRUSTED_PROXIES};
use crate::http::{Signup, SignupRule};

const TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = match config.path(&SOCKET) {
        Some(path) => vec![check_socket(&path)],
        None => check_address(config),
    };
    match serve::gateway_listen(config) {
        Err(error) => {
            findings.push(Finding::error("gateways", error.message(), "correct server.gatewayListen"));
        }
        Ok(Some(address)) => findings.push(check_gateways(address)),
        Ok(None) => {}
    }
    findings.push(check_proxies(config));
    findings.extend(check_signup(config));
    findings.extend(check_origins(config));
    findings
}

fn check_socket(path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let message = format!("{} cannot be created", path.display());
        return Finding::error(
            "address",
            message,
            format!("create {} and make it writable for this user", folder.display()),
        );
    }
    Finding::ok("address", format!("{} can be created", path.display()))
}

fn check_address(config: &Config) -> Vec<Finding> {
    let host = config.text(&HOST).unwrap_or_default();
    let port = config.integer(&PORT).and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let addresses: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let message = format!("{host} is not an address of this machine: {error}");
            return vec![Finding::error(
                "address",
                message,
                "correct server.host: 127.0.0.1 for this machine, or 0.0.0.0 for all addresses",
            )];
        }
    };
    let mut findings = vec![match TcpListener::bind(addresses.as_slice()) {
        Ok(_) => Finding::ok("address", format!("{host} port {port} is free")),
        Err(_) if addresses.iter().any(is_ours) => {
            Finding::ok("address", format!("Gatekeeper is listening on {host} port {port}"))
        }
        Err(error) => Finding::error(
            "address",
            format!("{host} port {port} cannot be used: {error}"),
            "stop the program that uses it (see `ss -ltnp`), or choose another port with server.port",
        ),
    }];
    let is_public = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
    if addresses.iter().any(is_public) && config.text(&TLS_CERT).is_none() {
        findings.push(Finding::warning(
            "tls",
            format!("{host} is reachable from other machines, and keys are sent unencrypted"),
            "set server.tlsCert and server.tlsKey, or allow only a TLS proxy to reach it",
        ));
    }
    findings
}

/// Reports who may create accounts. A configuration that is wrong is reported by other checks.
fn check_signup(config: &Config) -> Option<Finding> {
    let rule = serve::signup(config).ok()?;
    Some(match rule {
        SignupRule::Set(Signup::Open) => Finding::hint(
            "sign-up",
            format!("{rule}: any client that reaches the server can create an account, a tenant and keys"),
            "if this is not intended: signup = \"closed\", and `gatekeeper users create EMAIL --tenant NAME`",
        ),
        SignupRule::ClosedBy(_) => Finding::hint(
            "sign-up",
            rule.to_string(),
            "make it explicit with signup = \"closed\", or allow any client with signup = \"open\"",
        ),
        SignupRule::Set(Signup::Closed) | SignupRule::Local => Finding::ok("sign-up", rule.to_string()),
    })
}

fn check_origins(config: &Config) -> Option<Finding> {
    match serve::cors_origins(config) {
        Err(error) => Some(Finding::error("cors", error.message(), "write origins as browsers send them")),
        Ok(origins) if origins.iter().any(|origin| origin == "*") => Some(Finding::warning(
            "cors",
            "pages of every origin may call the server from their visitors' browsers",
            "list the origins that need it",
        )),
        Ok(_) => None,
    }
}

/// Whether a Gatekeeper server answers at this address.
fn is_ours(address: &SocketAddr) -> bool {
    let health = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut response = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut response)?;
        Ok(String::from_utf8_lossy(&response).into_owned())
    };
    health().is_ok_and(|response| response.contains("\"service\":\"gatekeeper\""))
}

fn check_gateways(address: SocketAddr) -> Finding {
    if address.ip().to_canonical().is_loopback() {
        return Finding::ok("gateways", format!("served at {address}"));
    }
    Finding::warning(
        "gateways",
        format!(
            "{address} is reachable from other machines: any client that reaches it can use up the limits of keys"
        ),
        "allow only the gateway to reach it, or listen on 127.0.0.1",
    )
}

fn check_proxies(config: &Config) -> Finding {
    let proxies = config.list(&TRUSTED_PROXIES);
    if let Err(error) = serve::proxies(config) {
        return Finding::error("proxies", error.message(), "correct server.trustedProxies");
    }
    let is_everybody = |proxy: &String| proxy.ends_with("/0");
    if proxies.iter().any(is_everybody) {
        let message = "X-Forwarded-For is trusted from every address: a client can claim a new address for each guess of a key";
        return Finding::error("proxies", message, "list only the addresses of your proxies");
    }
    let host = config.text(&HOST).unwrap_or_default();
    let is_behind_one = host.parse::<IpAddr>().map_or(host == "localhost", |host| host.is_loopback());
    match (proxies.as_slice(), is_behind_one) {
        ([], true) => Finding::hint(
            "proxies",
            "X-Forwarded-For is not trusted from any address: behind a proxy, all clients have the same address",
            "if there is a proxy on this machine, set server.trustedProxies = [\"127.0.0.1\", \"::1\"]",
        ),
        ([], false) => Finding::ok("proxies", "X-Forwarded-For is not trusted from any address"),
        (proxies, _) => {
            Finding::ok("proxies", format!("X-Forwarded-For is trusted from {}", proxies.join(", ")))
        }
    }
}
