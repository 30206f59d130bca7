//! What a URL that is none was probably meant to be.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{DatabaseUrl, Rejected, read, scheme_of};

type Checked = Result<(), Rejected>;

/// Names that other programs have for a database in memory.
const MEMORY: [&str; 6] = ["memory", "mem", "inmemory", "in-memory", ":memory:", "memory:"];
/// How a file of SQLite is named elsewhere.
const SQLITE: [&str; 4] = ["sqlite", "sqlite2", "sqlite3", "file"];
/// How `http` comes out of a keyboard.
const HTTP: [(&str, &str); 8] = [
    ("htp", "http"),
    ("hhtp", "http"),
    ("htttp", "http"),
    ("httpp", "http"),
    ("ttp", "http"),
    ("htps", "https"),
    ("httsp", "https"),
    ("httpss", "https"),
];
/// Characters that are invisible, or that a word processor puts where quotes belong.
const UNSEEN: [char; 10] = [
    '\u{feff}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{ad}', '\u{202a}',
    '\u{202c}',
];
const QUOTES: [char; 8] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{ab}'];
/// The longest text that a message shows.
const MAX_SHOWN: usize = 128;

/// Whether a message may show it: neither a user, a password nor a query is in it.
pub(super) fn is_safe_to_show(nearest: &str) -> bool {
    nearest.len() <= MAX_SHOWN
        && nearest.chars().all(|each| {
            each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-' | '/' | ':' | '[' | ']')
        })
}

/// Whether the scheme names a database that this version does not open, and nothing like it.
pub(super) fn is_of_another_program(scheme: &str, url: &str) -> bool {
    let lower = scheme.to_ascii_lowercase();
    let rest = url.get(scheme.len() + 1..).unwrap_or_default();
    let is_known = MEMORY.contains(&&*lower)
        || is_sqlite(&lower)
        || ["http", "https", "jdbc"].contains(&&*lower)
        || HTTP.iter().any(|(slip, _)| *slip == lower);
    let is_http = ["http", "https"].contains(&&*lower);
    (!is_known || is_http && cfg!(not(feature = "remote"))) && !is_port(rest)
}

/// Rejects what no URL has: nothing at all, white space around it, what cannot be seen, and quotes.
pub(super) fn check_text(url: &str) -> Checked {
    let is_stray = |each: char| each.is_whitespace() || each.is_control() || UNSEEN.contains(&each);
    let why = if url.is_empty() {
        "it is empty"
    } else if url.starts_with(is_stray) || url.ends_with(is_stray) {
        "white space or a line break is before or after it"
    } else if url.contains(|each: char| each.is_control() || UNSEEN.contains(&each)) {
        "a character in it cannot be seen, such as a line break or U+0000"
    } else if url.starts_with(QUOTES) || url.ends_with(QUOTES) {
        "quotes are around it"
    } else {
        return Ok(());
    };
    let bare: String = url.chars().filter(|each| !each.is_control() && !UNSEEN.contains(each)).collect();
    let bare = bare.trim_matches(|each: char| is_stray(each) || QUOTES.contains(&each));
    let nearest = if bare.is_empty() { Some("sqlite:gatekeeper.db".to_owned()) } else { nearest_to(bare) };
    Err(Rejected { why, nearest })
}

/// The right form of `url`, if it is one or is a slip of one.
fn nearest_to(url: &str) -> Option<String> {
    match read(url) {
        Ok(DatabaseUrl::File(_)) if scheme_of(url).is_none() => Some(format!("sqlite:{url}")),
        Ok(_) => Some(url.to_owned()),
        Err(rejected) => rejected.nearest,
    }
}

/// What was meant by a scheme that is none of ours.
pub(super) fn of_scheme(scheme: &str, rest: &str, url: &str) -> Rejected {
    let lower = scheme.to_ascii_lowercase();
    if MEMORY.contains(&&*lower) {
        let why = if scheme == "memory" { "memory: takes nothing after the colon" } else { "it is no URL" };
        return Rejected { why, nearest: Some("memory:".to_owned()) };
    }
    if is_sqlite(&lower) {
        return Rejected { why: "a file is named by sqlite:, in small letters", nearest: of_file(rest) };
    }
    if let Some(("sqlite", path)) = scheme_of(rest).filter(|_| lower == "jdbc") {
        return Rejected { why: "a file is named by sqlite: alone", nearest: of_file(path) };
    }
    if let Some((_, http)) = HTTP.iter().find(|(slip, _)| *slip == lower) {
        let nearest = Some(format!("{http}://{}", rest.trim_start_matches('/')));
        return Rejected { why: "it begins with no known scheme", nearest };
    }
    // The rest is a port: what looks like a scheme is a host.
    Rejected { why: "a server's URL begins with http:// or https://", nearest: of_host(url) }
}

/// Rejects paths that are probably none.
pub(super) fn check_path(path: &str) -> Checked {
    let lower = path.to_ascii_lowercase();
    let rejected = |why, nearest| Err(Rejected { why, nearest });
    if path.is_empty() {
        return rejected("the path is empty", Some("sqlite:gatekeeper.db".to_owned()));
    }
    if MEMORY.contains(&&*lower) {
        return rejected("a database in memory has no path", Some("memory:".to_owned()));
    }
    if let Some(nearest) = of_host(path) {
        return rejected("a server's URL begins with http:// or https://", Some(nearest));
    }
    if path.contains('?') {
        return rejected("a path takes no parameters, and has no ?", of_file(path));
    }
    if let Some((scheme, rest)) = scheme_of(path)
        && (is_sqlite(&scheme.to_ascii_lowercase())
            || ["http", "https"].contains(&&*scheme.to_ascii_lowercase()))
    {
        let nearest = if is_sqlite(&scheme.to_ascii_lowercase()) { of_file(rest) } else { nearest_to(path) };
        return rejected("one scheme follows another", nearest);
    }
    if path.starts_with(['~', '$', '%']) {
        return rejected("~ and variables are for a shell to fill in: write the whole path", None);
    }
    if let Some(folder) = path.strip_suffix('/') {
        return rejected(
            "it names a folder and not a file in it",
            Some(format!("sqlite:{folder}/gatekeeper.db")),
        );
    }
    Ok(())
}

/// Whether it is a name for SQLite's files, in small letters; some libraries add the name of a driver.
fn is_sqlite(scheme: &str) -> bool {
    SQLITE.contains(&scheme) || scheme.starts_with("sqlite+")
}

/// The file that another program's URL names.
fn of_file(rest: &str) -> Option<String> {
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    // `//` and `///` stand before a relative path as often as before none.
    let path = path.strip_prefix("//").unwrap_or(path);
    match nearest_to(if path.is_empty() { "gatekeeper.db" } else { path }) {
        Some(nearest) if nearest.starts_with('/') => Some(format!("sqlite:{nearest}")),
        nearest => nearest,
    }
}

/// The URL of the server, where this is the address of one.
fn of_host(text: &str) -> Option<String> {
    for (slip, scheme) in [("https//", "https"), ("http//", "http"), ("//", "http")] {
        if let Some(start) = text.get(..slip.len())
            && start.eq_ignore_ascii_case(slip)
        {
            let rest = text.get(slip.len()..).unwrap_or_default();
            return (!rest.is_empty() && !rest.starts_with('/')).then(|| format!("{scheme}://{rest}"));
        }
    }
    let (authority, path) = text.find('/').map_or((text, ""), |slash| text.split_at(slash));
    if let Ok(address) = authority.parse::<Ipv6Addr>() {
        let address = if address.is_unspecified() { Ipv6Addr::LOCALHOST } else { address };
        return Some(format!("http://[{address}]{path}"));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::parse::<Ipv6Addr>);
    let host = match (address, host.parse::<Ipv4Addr>()) {
        (Some(Ok(address)), _) if address.is_unspecified() => "[::1]",
        (Some(Ok(_)), _) => host,
        // Where to listen is not where to ask.
        (_, Ok(address)) if address.is_unspecified() => "127.0.0.1",
        (_, Ok(_)) => host,
        _ if host.is_empty() && !port.is_empty() => "127.0.0.1",
        _ if host.eq_ignore_ascii_case("localhost") => host,
        _ if !port.is_empty() && is_host_name(host) => host,
        _ => return None,
    };
    Some(format!("http://{host}{port}{path}"))
}

fn is_host_name(host: &str) -> bool {
    !host.is_empty()
        && !host.starts_with('.')
        && host.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '.' | '-'))
}

/// Whether this begins with the number of a port, and ends there or goes on with a path.
fn is_port(text: &str) -> bool {
    text.split('/').next().unwrap_or_default().parse::<u16>().is_ok()
}
