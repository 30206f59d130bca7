//! `gatekeeper config`.

use gatekeeper::internal::visible;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::output::{self, Output};
use super::show::Table;
use crate::config::{
    ALL, Config, EffectiveValue, Environment, Flags, PREVIOUS_SECRET, SECRET, Setting, TOKEN, URL, shown,
};

const MASK: &str = "***";

pub(crate) fn run(flags: &Flags, output: Output) -> Result<(), Failure> {
    let config = Config::load(flags, Environment::of_process())?;
    let file = config.file();
    let mut rows: Vec<(&str, Value, String, &str)> = ALL
        .iter()
        .map(|setting| {
            let (value, origin) = match config.effective(setting) {
                Some(found) => (value(setting, found), found.origin.to_string()),
                None => (Value::Null, "-".to_owned()),
            };
            (setting.name, value, origin, setting.about)
        })
        .collect();
    for (variable, about) in [
        (SECRET, "the secret that encrypts signing keys; never shown"),
        (PREVIOUS_SECRET, "the previous secret, while it is being changed; never shown"),
        (TOKEN, "the credential of the caller; never shown"),
    ] {
        let origin = config.environment().origin(variable);
        let value = if origin.is_some() { MASK.into() } else { Value::Null };
        rows.push((variable, value, origin.unwrap_or_else(|| "-".to_owned()), about));
    }
    let endpoints: Vec<&str> = config.endpoints().names().collect();
    if output.json {
        let settings: Map<String, Value> = rows
            .into_iter()
            .map(|(name, value, origin, _)| (name.to_owned(), json!({ "value": value, "from": origin })))
            .collect();
        return output::json(&json!({
            "file": { "path": shown(&file.path), "exists": file.exists },
            "settings": settings,
            "endpoints": endpoints,
        }));
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(name, value, origin, about)| json!({ "setting": name, "value": value, "from": origin, "description": about }))
        .collect();
    Table::new(&["setting", "value", "from", "description"]).show(&rows)?;
    let missing = if file.exists { "" } else { " (does not exist)" };
    output::line(&format!("\nfile       {}{missing}", visible(&shown(&file.path))))?;
    let endpoints = if endpoints.is_empty() { "none".to_owned() } else { endpoints.join(", ") };
    output::line(&format!("endpoints  {}", visible(&endpoints)))
}

/// The value, with the password of a URL masked.
fn value(setting: &Setting, found: &EffectiveValue) -> Value {
    match found.value.as_str() {
        Some(url) if setting.name == URL.name => without_password(url).into(),
        _ => found.value.clone(),
    }
}

pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{MASK}@{host}"),
        None => authority.to_owned(),
    };
    match path.split_once('?') {
        Some((path, _)) => format!("{scheme}://{host}{path}?{MASK}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_masked() {
        assert_eq!(
            without_password("postgres://u:canary@h:1/d?x=redis://:canary@h"),
            "postgres://***@h:1/d?***"
        );
        assert_eq!(without_password("http://h/@x"), "http://h/@x");
        assert_eq!(without_password("sqlite:a@b.db"), "sqlite:a@b.db");
    }
}
