//! Generates files from the table of operations: the types and services of both SDKs, the OpenAPI document, the
//! reference, and the surface for the parity tests. With `--check`, it writes nothing and fails if a file is stale.

mod http;
mod json;
mod openapi;
mod python;
mod reference;
mod schema;
mod service;
mod surface;
mod text;
mod typescript;

use std::path::Path;
use std::process::ExitCode;

use http::Http;
use service::Api;

fn main() -> ExitCode {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(_) => {
            eprintln!("usage: gatekeeper-gen [--check]");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<(), String> {
    let api = Api::from_table()?;
    let http = Http::from_table()?;
    let files = [
        ("server/openapi.json", json::pretty(&openapi::document(&http)) + "\n"),
        ("server/docs.html", reference::page(&http)),
        ("docs/reference/http.md", reference::markdown(&http)),
        ("tests/parity/surface.json", surface::document(&api)),
        ("bindings-node/ts/generated/models.ts", typescript::models(&api)?),
        ("bindings-node/ts/generated/services.ts", typescript::services(&api)),
        ("bindings-node/ts/generated/core-services.ts", typescript::core_services(&api)),
        ("bindings-node/ts/generated/names.mts", typescript::names(&api)),
        ("bindings-python/python/gatekeeper/models.py", python::models(&api)),
        ("bindings-python/python/gatekeeper/_services.py", python::services(&api, python::Kind::Sync)),
        ("bindings-python/python/gatekeeper/_aio_services.py", python::services(&api, python::Kind::Async)),
        (
            "bindings-python/python/gatekeeper/_core_services.py",
            python::core_services(&api, python::Kind::Sync),
        ),
        (
            "bindings-python/python/gatekeeper/_aio_core_services.py",
            python::core_services(&api, python::Kind::Async),
        ),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let stale: Vec<&str> = files
        .iter()
        .filter(|(path, text)| std::fs::read_to_string(root.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| *path)
        .collect();
    if check && !stale.is_empty() {
        return Err(format!("stale, run `make gen`:\n  {}", stale.join("\n  ")));
    }
    for (path, text) in files.iter().filter(|(path, _)| stale.contains(path)) {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
