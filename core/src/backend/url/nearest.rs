//! Suggestions for invalid URLs.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{DatabaseUrl, Rejected, read, scheme_of};

type Checked = Result<(), Rejected>;

/// Names of other programs for a database in memory.
const MEMORY: [&str; 6] = ["memory", "mem", "inmemory", "in-memory", ":memory:", "memory:"];
/// Schemes of other programs for a SQLite file.
const SQLITE: [&str; 4] = ["sqlite", "sqlite2", "sqlite3", "file"];
/// Common typing errors in `http` and `https`.
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
/// Invisible characters.
const UNSEEN: [char; 10] = [
    '\u{feff}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{ad}', '\u{202a}',
    '\u{202c}',
];
const QUOTES: [char; 8] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{ab}'];
/// The maximum length of a suggestion.
const MAX_SHOWN: usize = 128;

/// Whether a message may contain it: it has no user, password or query.
pub(super) fn is_safe_to_show(nearest: &str) -> bool {
    nearest.len() <= MAX_SHOWN
        && nearest.chars().all(|each| {
            each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-' | '/' | ':' | '[' | ']')
        })
}

/// Whether the scheme names another kind of database, which this version does not open.
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

/// Rejects an empty URL, and one with white space around it, invisible characters or quotes.
pub(super) fn check_text(url: &str) -> Checked {
    let is_stray = |each: char| each.is_whitespace() || each.is_control() || UNSEEN.contains(&each);
    let why = if url.is_empty() {
        "it is empty"
    } else if url.starts_with(is_stray) || url.ends_with(is_stray) {
        "it begins or ends with white space or a line break"
    } else if url.contains(|each: char| each.is_control() || UNSEEN.contains(&each)) {
        "it contains an invisible character, such as a line break or U+0000"
    } else if url.starts_with(QUOTES) || url.ends_with(QUOTES) {
        "it is in quotes"
    } else {
        return Ok(());
    };
    let bare: String = url.chars().filter(|each| !each.is_control() && !UNSEEN.contains(each)).collect();
    let bare = bare.trim_matches(|each: char| is_stray(each) || QUOTES.contains(&each));
    let nearest = if bare.is_empty() { Some("sqlite:gatekeeper.db".to_owned()) } else { nearest_to(bare) };
    Err(Rejected { why, nearest })
}

/// The valid form of `url`, if it is valid or looks like a mistyped form.
fn nearest_to(url: &str) -> Option<String> {
    match read(url) {
        Ok(DatabaseUrl::File(_)) if scheme_of(url).is_none() => Some(format!("sqlite:{url}")),
        Ok(_) => Some(url.to_owned()),
        Err(rejected) => rejected.nearest,
    }
}

/// The suggestion for an unknown scheme.
pub(super) fn of_scheme(scheme: &str, rest: &str, url: &str) -> Rejected {
    let lower = scheme.to_ascii_lowercase();
    if MEMORY.contains(&&*lower) {
        let why = if scheme == "memory" {
            "memory: must have nothing after the colon"
        } else {
            "it is not a valid URL"
        };
        return Rejected { why, nearest: Some("memory:".to_owned()) };
    }
    if is_sqlite(&lower) {
        return Rejected { why: "the scheme of a file is sqlite: in lower case", nearest: of_file(rest) };
    }
    if let Some(("sqlite", path)) = scheme_of(rest).filter(|_| lower == "jdbc") {
        return Rejected { why: "the scheme of a file is sqlite: alone", nearest: of_file(path) };
    }
    if let Some((_, http)) = HTTP.iter().find(|(slip, _)| *slip == lower) {
        let nearest = Some(format!("{http}://{}", rest.trim_start_matches('/')));
        return Rejected { why: "its scheme is unknown", nearest };
    }
    // The rest is a port, so the scheme is a host name.
    Rejected { why: "a server's URL begins with http:// or https://", nearest: of_host(url) }
}

/// Rejects paths that are probably not meant as paths.
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
        return rejected("a path has no parameters and must not contain ?", of_file(path));
    }
    if let Some((scheme, rest)) = scheme_of(path)
        && (is_sqlite(&scheme.to_ascii_lowercase())
            || ["http", "https"].contains(&&*scheme.to_ascii_lowercase()))
    {
        let nearest = if is_sqlite(&scheme.to_ascii_lowercase()) { of_file(rest) } else { nearest_to(path) };
        return rejected("one scheme follows another", nearest);
    }
    if path.starts_with(['~', '$', '%']) {
        return rejected("~ and variables are not expanded: write the whole path", None);
    }
    if let Some(folder) = path.strip_suffix('/') {
        return rejected("it names a folder, not a file", Some(format!("sqlite:{folder}/gatekeeper.db")));
    }
    Ok(())
}

/// Whether the scheme, in lower case, is one of SQLite. Some libraries append the name of a driver.
fn is_sqlite(scheme: &str) -> bool {
    SQLITE.contains(&scheme) || scheme.starts_with("sqlite+")
}

/// The file of another program's URL.
fn of_file(rest: &str) -> Option<String> {
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    // `//` and `///` are common before relative paths, too.
    let path = path.strip_prefix("//").unwrap_or(path);
    match nearest_to(if path.is_empty() { "gatekeeper.db" } else { path }) {
        Some(nearest) if nearest.starts_with('/') => Some(format!("sqlite:{nearest}")),
        nearest => nearest,
    }
}

/// The URL of a server, if `text` is an address of one.
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
        // An address to listen on is not one to connect to.
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

/// Whether this is a port number, alone or followed by a path.
fn is_port(text: &str) -> bool {
    text.split('/').next().unwrap_or_default().parse::<u16>().is_ok()
}
