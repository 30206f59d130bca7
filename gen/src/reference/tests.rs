use std::collections::BTreeSet;

use super::{example::curl, markdown, page};
use crate::http::Http;

fn http() -> Http {
    Http::of_the_table().unwrap()
}

/// A heading as GitHub names it in a link.
fn heading(line: &str) -> String {
    line.trim_start_matches('#').trim().split(' ').map(super::anchor).collect::<Vec<_>>().join("-")
}

#[test]
fn every_call_is_in_both_with_its_route() {
    let http = http();
    let (markdown, page) = (markdown(&http), page(&http));
    for call in http.calls() {
        assert!(markdown.contains(&format!("### `{}`\n\n`{} {}`\n", call.name, call.method, call.path)));
        assert!(page.contains(&format!("<h3>{}</h3>", call.name)), "{}", call.name);
    }
}

#[test]
fn every_link_within_the_page_leads_somewhere_and_no_two_places_share_a_name() {
    let page = page(&http());
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let known: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len());
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(known.contains(target), "{target}");
    }
}

#[test]
fn every_link_within_the_reference_leads_to_a_heading() {
    let text = markdown(&http());
    let headings: BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix('#')).map(heading).collect();
    for target in text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(headings.contains(target), "{target}");
    }
}

#[test]
fn the_page_asks_for_nothing_and_runs_nothing() {
    let page = page(&http());
    for forbidden in ["<script", "src=", "url(", "@import", "style=\"", "<link", "<img"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(!page.contains("](#"), "a link that is shown as Markdown");
    assert!(!page.contains("http://www") && !page.contains("https://"));
}

#[test]
fn what_a_shell_is_shown_has_no_quote_inside_a_quote() {
    let http = http();
    for call in http.calls() {
        assert!(curl(&http, call).matches('\'').count().is_multiple_of(2), "{}", call.name);
    }
}
