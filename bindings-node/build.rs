//! Leaves Node's own symbols to be resolved by the process that loads the addon, and creates the folder for the addon's
//! TypeScript declarations.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, io};

fn main() -> io::Result<()> {
    napi_build::setup();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src");
    // OUT_DIR is target/PROFILE/build/PACKAGE/out.
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let all = out.ancestors().nth(3).unwrap_or(&out).join("napi-types");
    // The macros of napi-derive write declarations whenever cargo expands them, also for other sources or features.
    // Each combination has a separate folder, and the addon knows its name, so that they are never mixed up.
    let name = format!("{:016x}", fingerprint()?);
    fs::create_dir_all(all.join(&name))?;
    // If the folder is removed, cargo runs this again. The stamp is old, because cargo treats a newer file as a change.
    let stamp = all.join(format!("{name}.made"));
    File::create(&stamp)?.set_modified(SystemTime::UNIX_EPOCH)?;
    println!("cargo:rerun-if-changed={}", stamp.display());
    println!("cargo:rustc-env=NAPI_TYPE_DEF_TMP_FOLDER={}", all.join(&name).display());
    println!("cargo:rustc-env=GATEKEEPER_DECLARATIONS={name}");
    Ok(())
}

/// A hash of the sources and the features.
fn fingerprint() -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    env::var_os("CARGO_FEATURE_CLI").hash(&mut hasher);
    for path in sources(Path::new("src"))? {
        path.hash(&mut hasher);
        fs::read(path)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
