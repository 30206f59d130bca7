use std::collections::BTreeSet;

use super::{example::curl, markdown, page};
use crate::http::Http;

fn http() -> Http {
    Http::from_table().unwrap()
}

/// The anchor of a heading, as GitHub generates it.
fn heading(line: &str) -> String {
    line.trim_start_matches('#').trim().split(' ').map(super::anchor).collect::<Vec<_>>().join("-")
}

#[test]
fn every_call_is_in_both_documents_with_its_route() {
    let http = http();
    let (markdown, page) = (markdown(&http), page(&http));
    for call in http.calls() {
        assert!(markdown.contains(&format!("### `{}`\n\n`{} {}`\n", call.name, call.method, call.path)));
        assert!(page.contains(&format!("<h3>{}</h3>", call.name)), "{}", call.name);
    }
}

#[test]
fn every_link_in_the_page_resolves_and_no_id_is_used_twice() {
    let page = page(&http());
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let known: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len());
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(known.contains(target), "{target}");
    }
}

#[test]
fn every_link_in_the_reference_resolves_to_a_heading() {
    let text = markdown(&http());
    let headings: BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix('#')).map(heading).collect();
    for target in text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(headings.contains(target), "{target}");
    }
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = page(&http());
    for forbidden in ["<script", "src=", "url(", "@import", "style=\"", "<link", "<img"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(!page.contains("](#"), "a link in Markdown");
    assert!(!page.contains("http://www") && !page.contains("https://"));
}

#[test]
fn quotes_in_curl_examples_are_balanced() {
    let http = http();
    for call in http.calls() {
        assert!(curl(&http, call).matches('\'').count().is_multiple_of(2), "{}", call.name);
    }
}
