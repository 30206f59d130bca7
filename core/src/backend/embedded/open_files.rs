//! The database files that are open in this process. A file is opened once, however often it is used, so that its
//! limits are counted once.

use std::fs::read_link;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use crate::database::{Database, OpenDatabase};
use crate::error::{GatekeeperError, Result};
use crate::fork::{self, ForkGuards, ForkRegistered, ForkSafe, lock};
use crate::verify::CacheSizes;

struct OpenFiles(Mutex<Vec<(PathBuf, Weak<ForkRegistered<Database>>)>>);

static OPEN_FILES: OpenFiles = OpenFiles(Mutex::new(Vec::new()));

/// The maximum number of symbolic links in a path, as in Linux.
const MAX_LINKS: usize = 40;

impl ForkSafe for OpenFiles {
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>) {
        guards.push(Box::new(lock(&self.0)));
    }
}

/// The open database of the file at `path`, which need not exist yet.
pub(super) fn database(path: PathBuf, sizes: &CacheSizes) -> Result<OpenDatabase> {
    let path = std::path::absolute(path).map_err(|error| {
        GatekeeperError::bad_request("url: the path cannot be made absolute").caused_by(error)
    })?;
    let path = real(&path, MAX_LINKS);
    // Created before the lock is acquired: at a fork, the registry of databases is locked before this list.
    let new = Database::on_file(path.clone(), sizes)?;
    fork::register_list(&OPEN_FILES);
    let mut open = lock(&OPEN_FILES.0);
    open.retain(|(_, database)| database.strong_count() > 0);
    let known = open.iter().find(|(known, _)| *known == path);
    if let Some(database) = known.and_then(|(_, database)| database.upgrade()) {
        return Ok(database);
    }
    open.push((path, Arc::downgrade(&new)));
    Ok(new)
}

/// The path without links and relative steps, as far as it exists: one name for one file, whatever the folder is later.
fn real(path: &Path, links: usize) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    let folder = real(folder, links);
    match read_link(path) {
        // A link to a file that does not exist yet.
        Ok(target) if links > 0 => real(&folder.join(target), links - 1),
        _ => folder.join(name),
    }
}
