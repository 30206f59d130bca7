//! Checks the secret that encrypts signing keys.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::blocking::SealedRows;
use gatekeeper::{Options, Secret};

use super::finding::Finding;
use crate::config::{Config, PREVIOUS_SECRET, SECRET};

const CREATE: &str =
    "create one with `openssl rand -base64 32`, and set it for every process that uses the database";

pub(super) fn check(config: &Config, sealed: Option<SealedRows>) -> Vec<Finding> {
    let Some(database) = config.database() else { return Vec::new() };
    let file = beside(&database);
    let kept = fs::read_to_string(&file).map(|text| text.trim().to_owned());
    let mut findings = Vec::new();
    match (config.environment().secret(SECRET), &kept) {
        (Err(error), _) => findings.push(Finding::error("secret", error.message(), CREATE)),
        (Ok(Some(given)), kept) => findings.push(check_given(&given, kept.as_deref().ok(), &file)),
        (Ok(None), Ok(_)) => findings.push(Finding::ok(
            "secret",
            format!("the secret is in {}: back up that file too", file.display()),
        )),
        (Ok(None), Err(error)) if error.kind() == ErrorKind::NotFound => findings.push(Finding::hint(
            "secret",
            format!("{SECRET} is not set: a secret is created in {} when it is first needed", file.display()),
            "back up that file too, or set the variable if files are not persistent",
        )),
        (Ok(None), Err(error)) => findings.push(Finding::error(
            "secret",
            format!("{} cannot be read: {error}", file.display()),
            "make it readable for the user of the server",
        )),
    }
    findings.extend(check_permissions(&database, &file));
    findings.extend(check_previous(config));
    if let Some(sealed) = sealed {
        findings.extend(check_sealed(sealed, config));
    }
    findings
}

fn check_given(given: &Secret, kept: Option<&str>, file: &Path) -> Finding {
    let mut options = Options::default();
    options.secret = Some(given.clone());
    if let Err(error) = Gatekeeper::open_with("memory:", options) {
        return Finding::error("secret", error.message(), CREATE);
    }
    match kept {
        Some(kept) if kept != given.expose() => Finding::warning(
            "secret",
            format!("{SECRET} differs from the secret in {}", file.display()),
            "set the variable in every process that uses the database and remove the file, or set the variable to the content of the file",
        ),
        _ => Finding::ok("secret", format!("{SECRET} is set")),
    }
}

fn check_previous(config: &Config) -> Option<Finding> {
    let error = config.environment().secret(PREVIOUS_SECRET).err()?;
    Some(Finding::error("secret", error.message(), "set it to the previous secret, or unset it"))
}

/// Reports whether the signing keys can be decrypted.
fn check_sealed(sealed: SealedRows, config: &Config) -> Vec<Finding> {
    const CHECK: &str = "signing keys";
    let SealedRows { total, with_previous, unopened, other_secret_in_use, .. } = sealed;
    let mut findings = Vec::new();
    if other_secret_in_use {
        findings.push(Finding::error(
            CHECK,
            "running processes use the database with another secret",
            format!("give every process the same {SECRET}; to change it, stop all of them first"),
        ));
    }
    if unopened > 0 {
        findings.push(Finding::warning(
            CHECK,
            format!("{unopened} of {total} cannot be decrypted with the secret: tokens that they signed are rejected"),
            format!(
                "set {PREVIOUS_SECRET} to the previous secret, or remove them with `gatekeeper platform rotate-signing-key`"
            ),
        ));
    }
    if with_previous > 0 {
        findings.push(Finding::hint(
            CHECK,
            format!("{with_previous} of {total} can be decrypted only with {PREVIOUS_SECRET}"),
            "start the server once: it encrypts them with the new secret",
        ));
    } else if findings.is_empty() && config.environment().origin(PREVIOUS_SECRET).is_some() {
        findings.push(Finding::hint(
            CHECK,
            format!("{PREVIOUS_SECRET} is set, but nothing is encrypted with it any more"),
            "unset it",
        ));
    }
    if findings.is_empty() && total > 0 {
        findings.push(Finding::ok(CHECK, format!("all {total} can be decrypted with the secret")));
    }
    findings
}

/// Reports a secret file that more users can read than can write the database: its owner, and its group if the mode
/// says so.
fn check_permissions(database: &Path, file: &Path) -> Option<Finding> {
    let (database, secret) = (fs::metadata(database).ok()?, fs::metadata(file).ok()?);
    let mode = |file: &Metadata| file.permissions().mode() & 0o777;
    let is_shared = mode(&database) & 0o060 == 0o060 && database.gid() == secret.gid();
    let wanted = if is_shared { 0o660 } else { 0o600 };
    (mode(&secret) & !wanted != 0).then(|| {
        let message = format!("{} has mode {:03o}: other users can read it", file.display(), mode(&secret));
        Finding::error("secret file", message, format!("chmod {wanted:o} {}", file.display()))
    })
}

fn beside(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push("-secret");
    path.into()
}
