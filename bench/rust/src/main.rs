//! One subject through one column:
//! `gatekeeper-bench SUBJECT COLUMN --backend BACKEND --keys N --keys-file FILE --seconds S --limit N`
//!
//! `create` writes the keys of the backend to the file. The other columns read them there, or create keys if there is
//! no file.

#![allow(clippy::print_stdout, reason = "the output of a program")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use gatekeeper_bench::fill::fill;
use gatekeeper_bench::subject::{Subject, open};
use gatekeeper_bench::{Result, columns};

/// How often each process calls one key in `admit`.
const CALLS: usize = 1000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(subject), Some(column)) = (arguments.next(), arguments.next()) else {
        return Err("usage: gatekeeper-bench SUBJECT COLUMN --backend BACKEND …".into());
    };
    let mut options = HashMap::new();
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        options.insert(name, value);
    }
    let option = |name: &str| options.get(name).map(String::as_str).ok_or(format!("{name} is missing"));
    let (gatekeeper, count) = (option("--backend")?, option("--keys")?.parse()?);
    let (keys_file, seconds) = (Path::new(option("--keys-file")?), option("--seconds")?.parse()?);
    if column == "create" {
        fs::write(keys_file, fill(Path::new(gatekeeper), count)?.join("\n"))?;
        println!("{{}}");
        return Ok(());
    }
    let mut subject = open(&subject, gatekeeper, option("--limit")?.parse()?)?;
    let subject = subject.as_mut();
    let keys = |subject: &mut dyn Subject, count| -> Result<Vec<String>> {
        match fs::read_to_string(keys_file) {
            Ok(keys) => Ok(keys.lines().map(str::to_owned).collect()),
            Err(_) => subject.create(count),
        }
    };
    if column == "many" {
        println!("{}", columns::many(subject, seconds, |subject| keys(subject, count))?);
        return Ok(());
    }
    let keys = keys(subject, 1)?;
    let key = keys.first().ok_or("no keys")?;
    if column == "admit" || column == "pair" {
        // Connects before the measurement.
        subject.call(key)?;
    }
    match column.as_str() {
        "hot" => println!("{}", columns::hot(subject, key, seconds)?),
        "denied" => println!("{}", columns::denied(subject, key, seconds)?),
        "pair" => println!("{}", columns::pair(subject, seconds)?),
        "admit" => columns::admit(subject, CALLS)?,
        _ => return Err("no such column".into()),
    }
    Ok(())
}
