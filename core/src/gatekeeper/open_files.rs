//! The files open in this process: each is one place, however often it is opened, so that its limits are counted once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::clock::Clock;
use crate::error::{GatekeeperError, Result};
use crate::fork::{self, Guards, Rest, lock};
use crate::store::Store;
use crate::verify::{CacheSizes, Engine};

struct OpenFiles(Mutex<HashMap<PathBuf, Weak<Engine>>>);

impl Rest for OpenFiles {
    fn rest<'a>(&'a self, guards: &mut Guards<'a>) {
        guards.push(Box::new(lock(&self.0)));
    }
}

fn open_files() -> &'static Arc<OpenFiles> {
    static OPEN: OnceLock<Arc<OpenFiles>> = OnceLock::new();
    OPEN.get_or_init(|| {
        let files = Arc::new(OpenFiles(Mutex::default()));
        let weak: Weak<OpenFiles> = Arc::downgrade(&files);
        fork::register(weak);
        files
    })
}

/// The engine of the file at `path`, which need not be there yet.
pub(super) fn engine(path: PathBuf, sizes: &CacheSizes) -> Result<Arc<Engine>> {
    let path = one_name(path)?;
    // Made before the lock is taken: at a fork, the registry of places is locked before this one.
    let new = Engine::new(Store::on_file(path.clone()), Clock::System, sizes)?;
    let mut open = lock(&open_files().0);
    open.retain(|_, engine| engine.strong_count() > 0);
    if let Some(engine) = open.get(&path).and_then(Weak::upgrade) {
        return Ok(engine);
    }
    open.insert(path, Arc::downgrade(&new));
    Ok(new)
}

/// The path without links and relative steps, so that a later change of folder changes nothing.
fn one_name(path: PathBuf) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|error| {
        GatekeeperError::bad_request("url: the path cannot be made absolute").caused_by(error)
    })?;
    if let Ok(real) = absolute.canonicalize() {
        return Ok(real);
    }
    let real_folder = absolute.parent().and_then(|folder| folder.canonicalize().ok());
    Ok(match (real_folder, absolute.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => absolute,
    })
}
