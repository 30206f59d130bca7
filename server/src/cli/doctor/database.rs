//! Checks the database and its folder.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use gatekeeper::GatekeeperError;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::blocking::{Inspection, UnacceptedKeys};
use gatekeeper::tenants::GetTenant;
use rustix::fs::{Access, access, statfs, statvfs};

use super::finding::Finding;
use super::imports;
use crate::cli::failure::Failure;
use crate::cli::session::options;
use crate::config::Config;

/// Free space below this is an error, in bytes.
const MIN_FREE: u64 = 16 * 1024 * 1024;
/// Free space below this is a warning, in bytes.
const LOW_FREE: u64 = 512 * 1024 * 1024;

/// File systems whose files are lost with the machine or the container, by their number in `statfs(2)`.
const EPHEMERAL: &[(u64, &str)] = &[
    (0x0102_1994, "tmpfs, which is lost at a restart"),
    (0x8584_58f6, "ramfs, which is lost at a restart"),
    (0x794c_7630, "the layer of a container (overlayfs), which is lost with the container"),
];

/// The content of the database; `None` if there is no file. Inspecting creates nothing.
pub(super) type Inspected = Option<Result<Contents, Failure>>;

/// What was read from a database that can be opened.
pub(super) struct Contents {
    pub(super) inspection: Inspection,
    /// Findings about its rows.
    findings: Vec<Finding>,
}

pub(super) fn inspect(config: &Config) -> Inspected {
    config.database().filter(|path| path.exists())?;
    let inspect = || {
        let gatekeeper = Gatekeeper::open_with(config.url(), options(config)?)?;
        let (inspection, mut findings) = (gatekeeper.inspect()?, Vec::new());
        if inspection.missing_rows.is_empty() {
            findings = check_tenants(config, &gatekeeper)?;
            findings.extend(imports::check(&gatekeeper)?);
        }
        Ok(Contents { inspection, findings })
    };
    Some(inspect())
}

pub(super) fn check(config: &Config, inspected: Inspected) -> Vec<Finding> {
    let Some(path) = config.database() else {
        let message = "the database is in memory: it is lost when the process ends";
        return vec![Finding::warning(
            "database",
            message,
            "name a file, such as --url sqlite:gatekeeper.db",
        )];
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut findings = vec![check_folder(&folder)];
    if !folder.is_dir() {
        return findings;
    }
    findings.extend([check_file_system(&folder), check_disk_space(&folder)]);
    if let Some(inspected) = inspected {
        findings.extend(check_database(inspected, &path));
    } else {
        let message = format!("{} does not exist", path.display());
        findings.push(Finding::error(
            "database",
            message,
            "run `gatekeeper init`, or name another database with --url",
        ));
    }
    findings
}

fn check_folder(folder: &Path) -> Finding {
    let shown = folder.display();
    if !folder.is_dir() {
        return Finding::error("folder", format!("{shown} is not a folder"), format!("mkdir -p {shown}"));
    }
    if access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let fix = "make it writable for the user of the server: SQLite creates files beside the database";
        return Finding::error("folder", format!("{shown} is not writable"), fix);
    }
    Finding::ok("folder", format!("{shown} is writable"))
}

fn check_file_system(folder: &Path) -> Finding {
    let Ok(stat) = statfs(folder) else {
        return Finding::hint(
            "file system",
            "its type cannot be determined",
            "use a local disk for the database",
        );
    };
    let kind = u64::try_from(stat.f_type).unwrap_or_default() & 0xffff_ffff;
    match EPHEMERAL.iter().find(|(number, _)| *number == kind) {
        Some((_, name)) => Finding::warning(
            "file system",
            format!("the database is on {name}"),
            "move it to a persistent disk or volume",
        ),
        None => Finding::ok("file system", "the database is on a persistent file system"),
    }
}

fn check_disk_space(folder: &Path) -> Finding {
    let Ok(stat) = statvfs(folder) else {
        return Finding::hint("disk space", "the free space cannot be determined", "see `df`");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let shown = format!("{} MB are free on the disk", free / 1_000_000);
    match free {
        ..MIN_FREE => Finding::error("disk space", shown, "free disk space: nothing can be recorded"),
        MIN_FREE..LOW_FREE => Finding::warning("disk space", shown, "free disk space before it runs out"),
        _ => Finding::ok("disk space", shown),
    }
}

fn check_database(inspected: Result<Contents, Failure>, path: &Path) -> Vec<Finding> {
    let mut findings = vec![check_permissions(path)];
    findings.extend(check_side_files(path));
    match inspected {
        Ok(Contents { inspection, findings: of_rows }) => {
            findings.push(check_root_key(&inspection));
            findings.extend(inspection.missing_rows.iter().map(|row| {
                let fix = format!(
                    "stop every process that uses the database, then: sqlite3 {} \"{}\"",
                    path.display(),
                    row.fix
                );
                Finding::error("database", format!("{} is missing", row.what), fix)
            }));
            findings.extend(of_rows);
        }
        Err(Failure::Rejected(error)) => {
            let fix = "see the message; the database was not changed";
            findings.push(Finding::error("database", error.message(), fix));
        }
        Err(_) => {}
    }
    findings
}

/// Reports keys that no verifier accepts, such as keys of an older version that accepted every tenant's, and accepted
/// tenants that do not exist.
fn check_tenants(config: &Config, gatekeeper: &Gatekeeper) -> Result<Vec<Finding>, GatekeeperError> {
    let accepted = config.gateway_tenants()?;
    let mut findings = Vec::new();
    for id in accepted.ids().unwrap_or_default() {
        if let Err(error) = gatekeeper.call(GetTenant { tenant_id: *id }) {
            let message = format!("gateways accept the keys of {id}: {}", error.message());
            findings.push(Finding::warning("tenants", message, "correct `tenants` in [gateway]"));
        }
    }
    let UnacceptedKeys { keys, tenants, .. } = gatekeeper.unaccepted_keys(&accepted)?;
    findings.push(match keys {
        0 => Finding::ok("tenants", "every valid key is accepted by gateways, or its tenant has a root key"),
        _ => Finding::warning(
            "tenants",
            format!(
                "{} of {} {} accepted by no verifier",
                counted(keys, "key"),
                counted(tenants, "tenant"),
                if keys == 1 { "is" } else { "are" }
            ),
            "to let gateways accept them, add their tenants to `tenants` in [gateway]; for your own programs, add them to \
             `tenants` of the key manager, or create root keys with `gatekeeper root-keys create --tenant ID`",
        ),
    });
    Ok(findings)
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn check_root_key(inspection: &Inspection) -> Finding {
    if inspection.has_root_key {
        return Finding::ok("database", "it can be opened and has a root key");
    }
    Finding::warning(
        "database",
        "it can be opened but has no root key",
        "run `gatekeeper init`: without a root key, no client can do anything over HTTP",
    )
}

fn check_permissions(path: &Path) -> Finding {
    let Ok(file) = fs::metadata(path) else {
        return Finding::error(
            "permissions",
            "the database cannot be inspected",
            "make it readable for this user",
        );
    };
    if access(path, Access::READ_OK | Access::WRITE_OK).is_err() {
        let path = path.display();
        return Finding::error(
            "permissions",
            format!("{path} is not readable and writable"),
            format!("chown it to the user of the server, or chmod u+rw {path}"),
        );
    }
    let mode = mode_of(&file);
    let (shown, path) = (format!("the database has mode {mode:03o}"), path.display());
    match mode {
        mode if mode & 0o002 != 0 => Finding::error(
            "permissions",
            format!("{shown}: every user of the machine can create keys for themselves"),
            format!("chmod o-rwx {path}"),
        ),
        mode if mode & 0o007 != 0 => Finding::warning(
            "permissions",
            format!(
                "{shown}: every user of the machine can read names, e-mail addresses and password hashes"
            ),
            format!("chmod o-rwx {path}"),
        ),
        _ => Finding::ok("permissions", shown),
    }
}

/// Reports files beside the database that are more, or less, accessible than the database.
fn check_side_files(path: &Path) -> Option<Finding> {
    let database = fs::metadata(path).ok()?;
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let side_files: Vec<_> = ["-wal", "-shm", "-shared"]
        .into_iter()
        .filter_map(|suffix| Some((fs::metadata(beside(suffix)).ok()?, beside(suffix))))
        .collect();
    let list = |found: &[&(Metadata, PathBuf)]| {
        found.iter().map(|(_, path)| path.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    let open: Vec<_> = side_files.iter().filter(|(file, _)| lets_others_in(file)).collect();
    // If the database itself is open to others, `check_permissions` reports that.
    if !open.is_empty() && !lets_others_in(&database) {
        let message = format!("other users can use {}", list(&open));
        return Some(Finding::warning("side files", message, format!("chmod o-rwx {}", list(&open))));
    }
    let closed: Vec<_> = side_files
        .iter()
        .filter(|(file, _)| {
            let of_group = mode_of(&database) & 0o060;
            of_group != 0 && (file.gid() != database.gid() || mode_of(file) & of_group != of_group)
        })
        .collect();
    (!closed.is_empty()).then(|| {
        let names = list(&closed);
        let message = format!("the group of the database cannot use {names}");
        Finding::warning(
            "side files",
            message,
            format!("chgrp {} {names} && chmod g+rwX {names}", database.gid()),
        )
    })
}

fn lets_others_in(file: &Metadata) -> bool {
    mode_of(file) & 0o007 != 0
}

fn mode_of(file: &Metadata) -> u32 {
    file.permissions().mode() & 0o777
}
