//! The cost of one verification in a database file as one parameter grows: `curves FOLDER SECONDS MAX_KEYS`.
//!
//! Prints one JSON array of `{title, points: [[count, nanoseconds], …]}`.

#![allow(clippy::print_stdout, reason = "the output of a program")]

use std::path::Path;

use gatekeeper_bench::{Result, curves};
use serde_json::json;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [curves::CHILD, database, keys_file, seconds] => {
            curves::child(Path::new(database), Path::new(keys_file), seconds.parse()?)
        }
        [folder, seconds, most_keys] => {
            let (folder, seconds) = (Path::new(folder), seconds.parse()?);
            println!(
                "{}",
                json!([
                    curves::keys(folder, seconds, most_keys.parse()?)?,
                    curves::threads(folder, seconds)?,
                    curves::processes(folder, seconds)?,
                    curves::max_req(folder)?,
                    curves::roles(folder, seconds)?,
                    curves::variables(folder, seconds)?,
                ])
            );
            Ok(())
        }
        _ => Err("usage: curves FOLDER SECONDS MAX_KEYS".into()),
    }
}
