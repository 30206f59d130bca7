//! `churn URL`: once its standard input ends, creates, rotates and deletes keys until it is killed. Prints each
//! acknowledged change as a line: `valid KEY` or `invalid KEY`.

#![allow(clippy::print_stdout, reason = "a program's answer")]

use std::io::{Read, Write, stdin, stdout};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::{CreateKey, DeleteKey, RotateKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: churn URL")?;
    let gatekeeper = Gatekeeper::open(&url)?;
    stdin().read_to_end(&mut Vec::new())?;
    let mut out = stdout().lock();
    loop {
        let created = gatekeeper.call(CreateKey::new("churn"))?;
        writeln!(out, "valid {}", created.api_key.expose())?;
        let rotated = gatekeeper.call(RotateKey { id: created.id.into() })?;
        writeln!(out, "invalid {}\nvalid {}", created.api_key.expose(), rotated.apikey.expose())?;
        gatekeeper.call(DeleteKey { id: created.id.into() })?;
        writeln!(out, "invalid {}", rotated.apikey.expose())?;
        out.flush()?;
    }
}
