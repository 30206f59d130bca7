//! `gatekeeper doctor`: what is commonly wrong, what was found of it, and how to fix it.

mod certificate;
mod database;
mod endpoints;
mod finding;
mod imports;
mod listening;
mod machine;
mod remote;
mod secret;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::failure::Failure;
use super::output::{self, BAD, DOUBTFUL, GOOD, HEADING, Output};
use crate::config::{Config, Environment, Flags};
use finding::{Finding, Level};

pub(crate) fn run(flags: &Flags, output: Output) -> Result<(), Failure> {
    let findings = findings(flags);
    let is_wrong = findings.iter().any(|finding| finding.level == Level::Error);
    if output.json {
        output::json(&json!({ "ok": !is_wrong, "checks": findings }))?;
    } else {
        findings.iter().try_for_each(show)?;
    }
    if is_wrong { Err(Failure::Said) } else { Ok(()) }
}

fn findings(flags: &Flags) -> Vec<Finding> {
    let config = match Config::load(flags, Environment::of_process()) {
        Ok(config) => config,
        Err(error) => {
            let fix = "fix what the message names; `gatekeeper config` shows what is in force";
            return vec![Finding::error("configuration", error.message(), fix)];
        }
    };
    let mut findings = vec![of_configuration(&config), of_environment(&config)];
    if config.is_remote() {
        findings.extend(remote::check(&config));
        return findings;
    }
    let inspected = database::inspect(&config);
    let sealed = inspected.as_ref().and_then(|found| found.as_ref().ok()?.inspection.sealed);
    findings.extend(database::check(&config, inspected));
    findings.extend(secret::check(&config, sealed));
    findings.extend(endpoints::check(&config));
    findings.extend(listening::check(&config));
    findings.extend(certificate::check(&config));
    findings.extend(machine::check(&config));
    findings
}

fn of_configuration(config: &Config) -> Finding {
    let path = config.file().path.display();
    if config.file().exists {
        let mode = fs::metadata(&config.file().path).map_or(0, |file| file.permissions().mode());
        if mode & 0o002 != 0 {
            let found = format!(
                "{path} can be changed by every user of the machine: its limits and its tenants, too"
            );
            return Finding::warning("configuration", found, format!("chmod o-w {path}"));
        }
        return Finding::ok("configuration", format!("{path} is read"));
    }
    Finding::hint(
        "configuration",
        format!("{path} is not there"),
        "`gatekeeper init` makes one, with comments",
    )
}

fn of_environment(config: &Config) -> Finding {
    let unknown: Vec<&str> = config.environment().unknown().collect();
    if unknown.is_empty() {
        return Finding::ok("environment", "every GATEKEEPER_ variable is known");
    }
    let found = format!("not known and without effect: {}", unknown.join(", "));
    Finding::warning("environment", found, "correct or remove them; `gatekeeper config` lists what there is")
}

fn show(finding: &Finding) -> Result<(), Failure> {
    let (style, word) = match finding.level {
        Level::Ok => (GOOD, "ok"),
        Level::Hint => (HEADING, "hint"),
        Level::Warning => (DOUBTFUL, "warning"),
        Level::Error => (BAD, "error"),
    };
    output::line(&format!("{style}{word:<8}{style:#} {:<14} {}", finding.check, finding.message))?;
    match &finding.fix {
        Some(fix) => output::line(&format!("{:<23} -> {fix}", "")),
        None => Ok(()),
    }
}
