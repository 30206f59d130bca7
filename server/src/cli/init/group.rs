//! Creates files for this user alone, or for a group of users.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use gatekeeper::GatekeeperError;

use crate::cli::failure::Failure;

/// The file that lists the groups of a machine, unless a directory service does.
const GROUPS: &str = "/etc/group";

/// The number of a group, given by its name or its number.
pub(super) fn find(name: &str) -> Result<u32, Failure> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let groups = fs::read_to_string(GROUPS).unwrap_or_default();
    number_of(name, &groups).ok_or_else(|| {
        let message =
            format!("--group is not in {GROUPS}: name a group that is, or give its number (`getent group`)");
        GatekeeperError::bad_request(message).into()
    })
}

/// The number of a group, from lines of `name:password:number:members` (`group(5)`).
fn number_of(name: &str, groups: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

/// Creates the file of a new database that the users of `group` can use too.
pub(super) fn make_database(path: &Path, group: u32) -> Result<(), Failure> {
    match make(path, Some(group)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = path.display();
            let message = match error.kind() {
                ErrorKind::AlreadyExists => format!(
                    "--group is only for a new database, but {shown} already exists: `chgrp GROUP {shown} && chmod 660 {shown}` lets a group use it"
                ),
                ErrorKind::PermissionDenied => {
                    format!(
                        "{shown} cannot be given to that group: name a group that this user belongs to, or run as root"
                    )
                }
                _ => format!("{shown} cannot be created: {error}"),
            };
            Err(GatekeeperError::bad_request(message).into())
        }
    }
}

/// Creates a file for this user alone, or also for `group`, regardless of the umask.
pub(super) fn make(path: &Path, group: Option<u32>) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let Some(group) = group else {
        file.set_permissions(Permissions::from_mode(0o600))?;
        return Ok(file);
    };
    let given =
        fchown(&file, None, Some(group)).and_then(|()| file.set_permissions(Permissions::from_mode(0o660)));
    if given.is_err() {
        // This user may not belong to the group.
        let _ = fs::remove_file(path);
    }
    given.map(|()| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_name() {
        let groups = "root:x:0:\nwww-data:x:33:ada,bob\nbroken\n";
        assert_eq!(number_of("www-data", groups), Some(33));
        assert_eq!(number_of("www", groups), None);
        assert_eq!(number_of("broken", groups), None);
    }
}
