use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Folder, output_of, text};

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    process: Child,
    lines: Vec<String>,
}

impl Server {
    pub(crate) fn start(folder: &Folder, arguments: &[&str], lines: usize) -> Self {
        let log = fs::File::create(folder.file("log")).unwrap();
        let mut command = folder.command();
        command.arg("serve").args(arguments).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let lines: Vec<String> = out.lines().take(lines).map(Result::unwrap).collect();
        Self { process, lines }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn address(&self) -> &str {
        self.lines[0].split_once("http://").expect("an address").1.split(' ').next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    ask(&mut stream, path)
}

fn ask(stream: &mut (impl std::io::Read + std::io::Write), path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn serve_does_not_start_with_another_secret_than_a_running_server() {
    let folder = Folder::with_gatekeeper();
    let server = Server::start(&folder, &["--port", "0"], 1);
    assert!(get(server.address(), "/ready").starts_with("HTTP/1.1 200"));
    let mut second = folder.command();
    second.args(["serve", "--port", "0"]).env("GATEKEEPER_SECRET", "canary canary canary");
    let output = output_of(&mut second).rejected();
    assert!(
        output.err.contains("processes with another secret") && !output.err.contains("canary"),
        "{output:?}"
    );
    // Once the server with the first secret has stopped, the other secret is only a warning.
    drop(server);
    let mut init = folder.command();
    let checked = stdout_of(init.args(["doctor", "--json"]).env("GATEKEEPER_SECRET", "canary canary canary"));
    assert!(checked.contains("cannot be decrypted with the secret"), "{checked}");
}

#[test]
fn a_signing_key_is_created_only_with_the_algorithm_of_the_running_server() {
    let folder = Folder::with_gatekeeper();
    let server = Server::start(&folder, &["--port", "0"], 1);
    let rotate = |algorithm: &str| {
        let mut command = folder.command();
        command.args(["platform", "rotate-signing-key", "--json"]);
        output_of(command.env("GATEKEEPER_SIGNING_ALGORITHM", algorithm))
    };
    let rejected = rotate("RS256").rejected();
    assert!(rejected.err.contains("the running processes sign with EdDSA"), "{rejected:?}");
    rotate("EdDSA").success();
    drop(server);
    rotate("RS256").success();
}

/// The standard output of a command, whatever its exit code.
fn stdout_of(command: &mut std::process::Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..100 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("never: {what}");
}

/// Whether a server that stopped by itself exited with code 0.
fn ends_well(server: &mut Server) -> bool {
    server.process.wait().unwrap().success()
}

#[test]
fn a_server_prints_its_address_responds_and_stops_on_a_signal() {
    let folder = Folder::with_gatekeeper();
    for signal in [Signal::INT, Signal::TERM] {
        let mut server = Server::start(&folder, &["--port", "0", "--gateway-listen", "127.0.0.1:0"], 2);
        assert!(get(server.address(), "/ready").starts_with("HTTP/1.1 200"));
        let gateways = server.lines[1].strip_prefix("listening for gateways on http://").unwrap();
        assert!(get(gateways, "/health").starts_with("HTTP/1.1 200"));
        server.signal(signal);
        assert!(ends_well(&mut server), "{signal:?}");
    }
}

#[test]
fn the_address_is_printed_in_json_for_programs() {
    let folder = Folder::with_gatekeeper();
    let server = Server::start(&folder, &["--port", "0", "--json"], 1);
    let printed: serde_json::Value = serde_json::from_str(&server.lines[0]).unwrap();
    assert!(text(&printed["url"]).starts_with("http://127.0.0.1:") && printed["check"].is_null());
    assert_eq!(printed["signup"], serde_json::json!({ "state": "local", "reason": "signup is not set" }));
}

#[test]
fn a_server_without_endpoints_or_a_root_key_logs_warnings() {
    let folder = Folder::new();
    let mut server = Server::start(&folder, &["--port", "0", "--url", "new.db"], 1);
    let log = || fs::read_to_string(folder.file("log")).unwrap();
    eventually("both warnings", || {
        log().contains("no endpoint is defined") && log().contains("gatekeeper init")
    });
    server.signal(Signal::TERM);
    assert!(ends_well(&mut server));
    assert!(log().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{}", log());
}

#[test]
fn a_server_can_listen_on_a_unix_socket() {
    let folder = Folder::with_gatekeeper();
    let server = Server::start(&folder, &["--socket", "socket"], 1);
    assert!(
        server.lines[0].starts_with("listening on unix:socket with gatekeeper.db and 1 endpoint ("),
        "{:?}",
        server.lines
    );
    let mut stream = UnixStream::connect(folder.file("socket")).unwrap();
    assert!(ask(&mut stream, "/health").starts_with("HTTP/1.1 200"));
}

#[test]
fn endpoints_are_reloaded_when_they_change_and_a_broken_file_changes_nothing() {
    let folder = Folder::with_gatekeeper();
    let root = text(&folder.json(["init", "--additional"])["rootKey"]);
    let (_, key) = folder.key();
    let server = Server::start(&folder, &["--port", "0"], 1);
    let verify = |endpoint: &str| {
        let body = serde_json::json!({ "key": key, "endpoint": endpoint }).to_string();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(
            stream,
            "POST /v1/keys/verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {root}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(verify("GET_TASKS").contains("\"total\":10,"));
    let settings = fs::read_to_string(folder.file("gatekeeper.toml")).unwrap();
    folder.write("gatekeeper.toml", settings.replace("maxReq = 10,", "maxReq = 70,"));
    eventually("the new limit", || verify("GET_TASKS").contains("\"total\":70,"));

    folder.write("gatekeeper.toml", "[endpoints.OTHER]");
    server.signal(Signal::HUP);
    let log = || fs::read_to_string(folder.file("log")).unwrap();
    eventually("an error in the log", || log().contains("cannot be reloaded"));
    assert!(verify("GET_TASKS").contains("\"total\":70,"));
    fs::remove_file(folder.file("gatekeeper.toml")).unwrap();
    server.signal(Signal::HUP);
    sleep(Duration::from_millis(200));
    assert!(verify("GET_TASKS").contains("\"total\":70,"));
    folder.write("gatekeeper.toml", settings.replace("GET_TASKS", "OTHER"));
    eventually("the new endpoint", || verify("OTHER").contains("\"total\":10,"));
    assert!(log().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{}", log());
    assert!(!log().contains(&root) && !log().contains(&key));
}

#[test]
fn the_first_line_of_a_server_states_who_may_sign_up_and_why() {
    let folder = Folder::with_gatekeeper();
    for (arguments, expected) in [
        (&[][..], "sign-up is open to programs on this machine: signup is not set"),
        (&["--signup", "open"], "sign-up is open: signup = \"open\""),
        (&["--signup", "closed"], "sign-up is closed: signup = \"closed\""),
        (
            &["--trusted-proxies", "unix"],
            "sign-up is closed: signup is not set, and the server has trusted proxies",
        ),
        (
            &["--gateway-listen", "127.0.0.1:0"],
            "sign-up is closed: signup is not set, and the server has an address for gateways",
        ),
    ] {
        let server = Server::start(&folder, &[&["--port", "0"], arguments].concat(), 1);
        assert!(server.lines[0].ends_with(&format!(" ({expected})")), "{:?}", server.lines);
    }
}

#[test]
fn invalid_options_of_a_server_are_rejected() {
    let folder = Folder::with_gatekeeper();
    for (arguments, why) in [
        (&["serve", "--url", "http://localhost:1"][..], "served already"),
        (&["serve", "--tls-cert", "x"], "server.tlsKey"),
        (&["serve", "--tls-cert", "x", "--tls-key", "y"], "\"x\" cannot be used"),
        (&["serve", "--socket", "x", "--tls-cert", "x", "--tls-key", "y"], "does not support TLS"),
        (&["serve", "--trusted-proxies", "x"], "trusted proxies"),
        (&["serve", "--gateway-listen", "x"], "server.gatewayListen"),
        (&["serve", "--cors-origin", "https://app.example.com/"], "server.corsOrigins"),
        (&["serve", "--log-level", "loud"], "--log-level must be one of"),
        (&["serve", "--signup", "invite"], "--signup must be one of open, closed"),
        (&["serve", "--gateway-tenants", "Acme Inc"], "--gateway-tenants must be \"all\" or a list"),
        (&["serve", "--host", "no.such.host.invalid"], "cannot listen"),
        (&["serve", "--url", "/proc/x.db", "--port", "0"], "cannot be opened"),
    ] {
        let output = folder.run(arguments).rejected();
        assert!(output.err.contains(why), "{output:?}");
    }
}

#[test]
fn former_names_of_options_of_a_server_still_work() {
    let folder = Folder::with_gatekeeper();
    let former = ["--unix", "socket", "--check-listen", "127.0.0.1:0"];
    let server = Server::start(&folder, &former, 2);
    assert!(server.lines[0].starts_with("listening on unix:socket"), "{:?}", server.lines);
    assert!(server.lines[1].contains("http://127.0.0.1:"), "{:?}", server.lines);
}
