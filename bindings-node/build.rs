//! Leaves Node's own symbols to the process that loads the addon, and makes the folder for its TypeScript declarations.

use std::path::Path;
use std::{env, fs};

/// Where the macros of napi-derive write the declarations of what they export.
const DECLARATIONS: &str = "NAPI_TYPE_DEF_TMP_FOLDER";

fn main() {
    napi_build::setup();
    // Beside the addon that cargo makes: OUT_DIR is target/PROFILE/build/PACKAGE/out.
    let profile =
        env::var_os("OUT_DIR").and_then(|out| Path::new(&out).ancestors().nth(3).map(Path::to_owned));
    if let (None, Some(profile)) = (env::var_os(DECLARATIONS), profile) {
        let folder = profile.join("napi-types");
        if let Err(error) = fs::create_dir_all(&folder) {
            println!(
                "cargo:warning=no TypeScript declarations, {} cannot be made: {error}",
                folder.display()
            );
            return;
        }
        println!("cargo:rustc-env={DECLARATIONS}={}", folder.display());
    }
}
