//! Tests of exports: their memory while a client reads nothing, their limits, and their completeness.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::serve::Server;
use crate::support::{Folder, text};

const MIB: u64 = 1024 * 1024;
/// The number of events and the bytes of metadata of each: about 22 MB, more than the buffers of a connection hold.
const EVENTS: usize = 10_000;
const BYTES: usize = 2_000;
/// The maximum number of concurrent exports of a tenant.
const UNREAD: usize = 8;
/// The options of a server that does not disconnect a client that reads nothing during the test.
const PATIENT: [&str; 4] = ["--port", "0", "--body-timeout-ms", "600000"];

/// A folder with a tenant that has many events, and the root key of the tenant.
fn with_events() -> (Folder, String) {
    let folder = Folder::new();
    let root = text(&folder.json(["init"])["rootKey"]);
    let sql = format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {EVENTS})
         INSERT INTO audit_events (id, tenant_id, actor_type, action, metadata, created_at)
         SELECT printf('aud_%026d', n), (SELECT tenant_id FROM root_keys), 'operator', 'invoice.paid',
            '{{\"text\":\"' || substr(hex(zeroblob({BYTES})), 1, {BYTES}) || '\"}}', n FROM number"
    );
    Connection::open(folder.file("gatekeeper.db")).unwrap().execute_batch(&sql).unwrap();
    (folder, root)
}

/// Requests an export and reads only the head of the response.
fn begin(server: &Server, tenant: &str, key: &str) -> (String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "GET /v1/audit/export?tenantId={tenant} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut reader = BufReader::with_capacity(64, stream);
    let mut status = String::new();
    reader.read_line(&mut status).unwrap();
    (status, reader)
}

/// The resident memory of the server, in bytes.
fn memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The resident memory once it has stopped growing.
fn settled_memory(server: &Server) -> u64 {
    let mut most = memory(server);
    for _ in 0..50 {
        sleep(Duration::from_millis(100));
        let now = memory(server);
        if now <= most + MIB / 8 {
            return most.max(now);
        }
        most = now;
    }
    most
}

#[test]
fn an_unread_export_holds_one_part_in_memory_and_a_read_export_is_complete() {
    let (folder, key) = with_events();
    let tenant = text(&folder.json(["tenants", "list"])["items"][0]["id"]);
    let server = Server::start(&folder, &PATIENT, 1);
    // The first export warms up what all of them share.
    let whole = read_all(begin(&server, &tenant, &key));
    assert_eq!(whole.lines().filter(|line| line.contains("invoice.paid")).count(), EVENTS);
    let before = settled_memory(&server);
    let unread: Vec<_> = (0..UNREAD).map(|_| begin(&server, &tenant, &key)).collect();
    assert!(unread.iter().all(|(status, _)| status.starts_with("HTTP/1.1 200")));
    let grown = settled_memory(&server).saturating_sub(before);
    assert!(grown < 24 * MIB, "{UNREAD} unread exports took {} MiB", grown / MIB);
    // A client that starts to read late still receives the whole export.
    let last = unread.into_iter().next_back().unwrap();
    assert!(read_all(last) == whole);
}

/// Reads the rest of an export and returns its text.
fn read_all((status, mut reader): (String, BufReader<TcpStream>)) -> String {
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    let mut body = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let size = usize::from_str_radix(line.trim(), 16).unwrap();
        let begin = body.len();
        body.resize(begin + size, 0);
        reader.read_exact(&mut body[begin..]).unwrap();
        reader.read_line(&mut line).unwrap();
        if size == 0 {
            break;
        }
    }
    let answer: Value = serde_json::from_slice(&body).unwrap();
    text(&answer["data"])
}

#[test]
fn an_export_is_aborted_when_its_caller_loses_the_permission() {
    let (folder, key) = with_events();
    let tenant = text(&folder.json(["tenants", "list"])["items"][0]["id"]);
    let server = Server::start(&folder, &PATIENT, 1);
    let (status, mut reader) = begin(&server, &tenant, &key);
    assert!(status.starts_with("HTTP/1.1 200"));
    let id = text(&folder.json(["root-keys", "list"])["items"][0]["id"]);
    folder.run(["root-keys", "revoke", &id]).success();
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "it was sent to its end");
    let log = fs::read_to_string(folder.file("log")).unwrap();
    assert!(log.contains("an export was aborted") && !log.contains(&key), "{log}");
}

/// Text with a window title, a one-byte control sequence, a change of direction, and a character without width.
const HOSTILE: &str = "a\u{1b}]0;x\u{7}\u{9b}2J\u{202e}b\u{200b}c";

#[test]
fn control_and_invisible_characters_are_escaped_in_all_output() {
    let folder = Folder::with_gatekeeper();
    folder.run(["keys", "create", "--name", HOSTILE, "--owner-id", HOSTILE, "--role", HOSTILE]).success();
    folder.run(["audit", "record", "invoice.paid", "--target", HOSTILE]).success();
    folder
        .run(["audit", "record", "invoice.paid", "--target", " ＝1+1", "--metadata", r#"{"a": "\u202e"}"#])
        .success();
    for arguments in [
        &["keys", "list"][..],
        &["keys", "list", "--json"],
        &["keys", "list", "--all", "--json"],
        &["audit", "query"],
        &["audit", "query", "--json"],
        &["audit", "export", "--format", "csv"],
        &["audit", "export", "--format", "ndjson"],
        &["audit", "export", "--format", "csv", "--json"],
        &["call", "audit.export", "--input", "-"],
    ] {
        let tenant = text(&folder.json(["tenants", "list"])["items"][0]["id"]);
        let output = folder.run_with_input(&format!("{{\"tenantId\": \"{tenant}\"}}"), arguments).success();
        let hidden = |each: char| each != '\n' && (each.is_control() || "\u{202e}\u{200b}".contains(each));
        assert!(!output.out.replace("\r\n", "\n").contains(hidden), "{arguments:?}: {output:?}");
        if arguments.contains(&"--json") && !arguments.contains(&"--all") {
            output.json();
        }
    }
    assert_eq!(folder.json(["keys", "list"])["items"][0]["name"], HOSTILE);
    let csv = folder.run(["audit", "export", "--format", "csv"]).success().out;
    assert!(csv.contains(r"a\u{1b}]0;x\u{7}\u{9b}2J\u{202e}b\u{200b}c"), "{csv}");
    assert!(csv.contains("\"' ＝1+1\"") && csv.contains(r#"{""a"":""\u202e""}"#), "{csv}");
}

#[test]
fn concurrent_exports_are_limited_by_tenant_and_are_closed_at_their_timeout() {
    let (folder, key) = with_events();
    let tenant = text(&folder.json(["tenants", "list"])["items"][0]["id"]);
    let other = text(&folder.json(["tenants", "create", "Other"])["id"]);
    let other_key = text(&folder.json(["root-keys", "create", "--tenant", &other])["plainTextKey"]);
    let limits = ["--port", "0", "--body-timeout-ms", "600000", "--export-timeout-ms", "4000"];
    let server = Server::start(&folder, &limits, 1);
    let unread: Vec<_> = (0..UNREAD).map(|_| begin(&server, &tenant, &key)).collect();
    assert!(unread.iter().all(|(status, _)| status.starts_with("HTTP/1.1 200")));
    assert!(begin(&server, &tenant, &key).0.starts_with("HTTP/1.1 429"));
    assert!(read_all(begin(&server, &other, &other_key)).contains("tenant.created"));
    // Their clients read nothing, so only the timeout ends them.
    while begin(&server, &tenant, &key).0.starts_with("HTTP/1.1 429") {
        sleep(Duration::from_millis(100));
    }
    for (_, mut reader) in unread {
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "it was sent to its end");
    }
}

#[test]
fn an_export_whose_client_reads_nothing_is_closed() {
    let (folder, key) = with_events();
    let tenant = text(&folder.json(["tenants", "list"])["items"][0]["id"]);
    let server = Server::start(&folder, &["--port", "0", "--body-timeout-ms", "1000"], 1);
    let unread: Vec<_> = (0..UNREAD).map(|_| begin(&server, &tenant, &key)).collect();
    assert!(unread.iter().all(|(status, _)| status.starts_with("HTTP/1.1 200")));
    while begin(&server, &tenant, &key).0.starts_with("HTTP/1.1 429") {
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_command_line_prints_an_export_while_it_is_read() {
    let (folder, _) = with_events();
    let output = folder.run(["audit", "export"]).success();
    let events = output.out.lines().filter(|line| line.contains("invoice.paid")).count();
    assert_eq!(events, EVENTS);
    let some = folder.run(["audit", "export", "--since", "1", "--until", "11", "--format", "csv"]).success();
    assert_eq!(some.out.lines().count(), 11);
    let as_json = folder.json(["audit", "export", "--since", "1", "--until", "11"]);
    assert_eq!(text(&as_json).lines().count(), 10);
}
