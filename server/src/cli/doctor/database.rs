//! The database and the folder that holds it.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use gatekeeper::{Gatekeeper, GatekeeperError, GetTenant, Inspection, UnacceptedKeys};
use rustix::fs::{Access, access, statfs, statvfs};

use super::finding::Finding;
use super::imports;
use crate::cli::failure::Failure;
use crate::cli::session::options;
use crate::config::Config;

/// Too little room for anything, and little enough to be told of, in bytes.
const NO_ROOM: u64 = 16 * 1024 * 1024;
const LITTLE_ROOM: u64 = 512 * 1024 * 1024;

/// File systems that do not outlive the machine or the container, by their number in `statfs(2)`.
const FLEETING: &[(u64, &str)] = &[
    (0x0102_1994, "tmpfs, which is gone after a restart"),
    (0x8584_58f6, "ramfs, which is gone after a restart"),
    (0x794c_7630, "a container's own layer (overlayfs), which goes with the container"),
];

/// What was found in the database; none where there is no file, and nothing is made.
pub(super) type Inspected = Option<Result<Contents, Failure>>;

pub(super) struct Contents {
    pub(super) inspection: Inspection,
    /// What was found in its rows.
    findings: Vec<Finding>,
}

pub(super) fn inspect(config: &Config) -> Inspected {
    config.database().filter(|path| path.exists())?;
    let inspect = || {
        let gatekeeper = Gatekeeper::open_with(config.url(), options(config)?)?;
        let (inspection, mut findings) = (gatekeeper.inspect()?, Vec::new());
        if inspection.missing_rows.is_empty() {
            findings = of_tenants(config, &gatekeeper)?;
            findings.extend(imports::check(&gatekeeper)?);
        }
        Ok(Contents { inspection, findings })
    };
    Some(inspect())
}

pub(super) fn check(config: &Config, inspected: Inspected) -> Vec<Finding> {
    let Some(path) = config.database() else {
        let found = "the place is in memory: all of it is gone when the process ends";
        return vec![Finding::warning("place", found, "name a file, such as --url sqlite:gatekeeper.db")];
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut findings = vec![of_folder(&folder)];
    if !folder.is_dir() {
        return findings;
    }
    findings.extend([of_file_system(&folder), of_room(&folder)]);
    if let Some(inspected) = inspected {
        findings.extend(of_database(inspected, &path));
    } else {
        let found = format!("{} is not there", path.display());
        findings.push(Finding::error(
            "database",
            found,
            "run `gatekeeper init`, or name another place with --url",
        ));
    }
    findings
}

fn of_folder(folder: &Path) -> Finding {
    let shown = folder.display();
    if !folder.is_dir() {
        return Finding::error("folder", format!("{shown} is no folder"), format!("mkdir -p {shown}"));
    }
    if access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let fix = "let the user of the server write to it: SQLite makes files beside the database";
        return Finding::error("folder", format!("{shown} cannot be written"), fix);
    }
    Finding::ok("folder", format!("{shown} can be written"))
}

fn of_file_system(folder: &Path) -> Finding {
    let Ok(found) = statfs(folder) else {
        return Finding::hint("file system", "its kind is not known", "put the database on a local disk");
    };
    let kind = u64::try_from(found.f_type).unwrap_or_default() & 0xffff_ffff;
    match FLEETING.iter().find(|(number, _)| *number == kind) {
        Some((_, name)) => Finding::warning(
            "file system",
            format!("the database is on {name}"),
            "put it on a disk or a volume that stays",
        ),
        None => Finding::ok("file system", "the database is on one that stays"),
    }
}

fn of_room(folder: &Path) -> Finding {
    let Ok(found) = statvfs(folder) else {
        return Finding::hint("room", "how much is left is not known", "see `df`");
    };
    let left = found.f_bavail.saturating_mul(found.f_frsize);
    let shown = format!("{} MB are left on the disk", left / 1_000_000);
    match left {
        ..NO_ROOM => Finding::error("room", shown, "make room: nothing can be recorded without"),
        NO_ROOM..LITTLE_ROOM => Finding::warning("room", shown, "make room before there is none"),
        _ => Finding::ok("room", shown),
    }
}

fn of_database(inspected: Result<Contents, Failure>, path: &Path) -> Vec<Finding> {
    let mut findings = vec![of_rights(path)];
    findings.extend(of_side_files(path));
    match inspected {
        Ok(Contents { inspection, findings: of_rows }) => {
            findings.push(of_root_key(&inspection));
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
            let fix = "see the message; the database itself was not changed";
            findings.push(Finding::error("database", error.message(), fix));
        }
        Err(_) => {}
    }
    findings
}

/// Keys that nothing accepts, such as those of an older version that accepted every tenant's; and tenants that gateways
/// accept and that are not there.
fn of_tenants(config: &Config, gatekeeper: &Gatekeeper) -> Result<Vec<Finding>, GatekeeperError> {
    let accepted = config.gateway_tenants()?;
    let mut findings = Vec::new();
    for id in accepted.ids().unwrap_or_default() {
        if let Err(error) = gatekeeper.call_blocking(GetTenant { tenant_id: *id }) {
            let found = format!("gateways accept the keys of {id}: {}", error.message());
            findings.push(Finding::warning("tenants", found, "correct `tenants` of [gateway]"));
        }
    }
    let UnacceptedKeys { keys, tenants } = gatekeeper.unaccepted_keys(&accepted)?;
    findings.push(match keys {
        0 => Finding::ok("tenants", "every valid key is accepted by gateways, or has a root key in its tenant"),
        _ => Finding::warning(
            "tenants",
            format!(
                "{} of {} {} accepted by no verifier",
                counted(keys, "key"),
                counted(tenants, "tenant"),
                if keys == 1 { "is" } else { "are" }
            ),
            "if gateways should let them through, name their tenants in `tenants` of [gateway]; for your own programs in \
             `tenants` of the key manager, or make root keys with `gatekeeper root-keys create --tenant ID`",
        ),
    });
    Ok(findings)
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn of_root_key(inspection: &Inspection) -> Finding {
    if inspection.has_root_key {
        return Finding::ok("database", "it can be opened, and has a root key");
    }
    Finding::warning(
        "database",
        "it can be opened, and has no root key yet",
        "run `gatekeeper init`: over HTTP, nobody could do anything",
    )
}

fn of_rights(path: &Path) -> Finding {
    let Ok(file) = fs::metadata(path) else {
        return Finding::error("rights", "the database cannot be looked at", "let this user read it");
    };
    if access(path, Access::READ_OK | Access::WRITE_OK).is_err() {
        let path = path.display();
        return Finding::error(
            "rights",
            format!("{path} cannot be read and written"),
            format!("chown it to the user of the server, or chmod u+rw {path}"),
        );
    }
    let mode = mode_of(&file);
    let (shown, path) = (format!("the database has the mode {mode:03o}"), path.display());
    match mode {
        mode if mode & 0o002 != 0 => Finding::error(
            "rights",
            format!("{shown}: every user of the machine can give themselves keys"),
            format!("chmod o-rwx {path}"),
        ),
        mode if mode & 0o007 != 0 => Finding::warning(
            "rights",
            format!(
                "{shown}: every user of the machine can read names, e-mail addresses and password hashes"
            ),
            format!("chmod o-rwx {path}"),
        ),
        _ => Finding::ok("rights", shown),
    }
}

/// What lies beside the database and lets others in, or those out whom the database lets in.
fn of_side_files(path: &Path) -> Option<Finding> {
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
    // Where the database lets them in, that is said of it.
    if !open.is_empty() && !lets_others_in(&database) {
        let found = format!("others can use {}", list(&open));
        return Some(Finding::warning("side files", found, format!("chmod o-rwx {}", list(&open))));
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
        let found = format!("the group of the database cannot use {names}");
        Finding::warning(
            "side files",
            found,
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
