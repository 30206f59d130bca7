//! `gatekeeper doctor`: checks the installation for common problems and suggests fixes.

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
use super::output::{self, ERROR, HEADING, OK, Output, WARNING};
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
    if is_wrong { Err(Failure::Reported) } else { Ok(()) }
}

fn findings(flags: &Flags) -> Vec<Finding> {
    let config = match Config::load(flags, Environment::of_process()) {
        Ok(config) => config,
        Err(error) => {
            let fix = "correct what the message names; `gatekeeper config` shows the effective configuration";
            return vec![Finding::error("configuration", error.message(), fix)];
        }
    };
    let mut findings = vec![check_configuration(&config), check_environment(&config)];
    findings.extend(check_renamed(&config));
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

fn check_configuration(config: &Config) -> Finding {
    let path = config.file().path.display();
    if config.file().exists {
        let mode = fs::metadata(&config.file().path).map_or(0, |file| file.permissions().mode());
        if mode & 0o002 != 0 {
            let message =
                format!("{path} is writable by every user of the machine, and so are its limits and tenants");
            return Finding::warning("configuration", message, format!("chmod o-w {path}"));
        }
        return Finding::ok("configuration", format!("{path} is valid"));
    }
    Finding::hint(
        "configuration",
        format!("{path} does not exist"),
        "`gatekeeper init` creates one, with comments",
    )
}

fn check_environment(config: &Config) -> Finding {
    let unknown: Vec<&str> = config.environment().unknown().collect();
    if unknown.is_empty() {
        return Finding::ok("environment", "every GATEKEEPER_* variable is known");
    }
    let message = format!("unknown variables, which have no effect: {}", unknown.join(", "));
    Finding::warning("environment", message, "correct or remove them; `gatekeeper config` lists all settings")
}

/// Reports settings that are still set under a former name.
fn check_renamed(config: &Config) -> Vec<Finding> {
    let hint = |check, (former, name)| Finding::hint(check, format!("{former} is now {name}"), "rename it");
    let in_file = config.file().renamed().map(|names| hint("configuration", names));
    let in_environment = config.environment().renamed().map(|names| hint("environment", names));
    in_file.chain(in_environment).collect()
}

fn show(finding: &Finding) -> Result<(), Failure> {
    let (style, word) = match finding.level {
        Level::Ok => (OK, "ok"),
        Level::Hint => (HEADING, "hint"),
        Level::Warning => (WARNING, "warning"),
        Level::Error => (ERROR, "error"),
    };
    output::line(&format!("{style}{word:<8}{style:#} {:<14} {}", finding.check, finding.message))?;
    match &finding.fix {
        Some(fix) => output::line(&format!("{:<23} -> {fix}", "")),
        None => Ok(()),
    }
}
