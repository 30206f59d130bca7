//! `console URL ENDPOINTS`: does what it is told on standard input, a line each, and answers with a line.
//!
//! - `verify KEY ENDPOINT [VARIABLE]`: `admitted`, `limited`, `invalid`, or the code and the message of an error
//! - `create`: a new key's id and the key
//! - `hammer KEY ENDPOINT`: takes permits of the key's own slot and of ever new ones, and writes a `+` for each of the
//!   former as soon as it has it, until the process is killed

#![allow(clippy::print_stdout, reason = "a program's answer")]

use std::io::{BufRead, Write, stdin, stdout};

use gatekeeper::{CreateKey, Endpoints, Gatekeeper, Verdict, Verifier};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(endpoints)) = (arguments.next(), arguments.next()) else {
        return Err("usage: console URL ENDPOINTS".into());
    };
    let gatekeeper = Gatekeeper::open(&url)?;
    let verifier = gatekeeper.verifier(Endpoints::from_json(&endpoints)?)?;
    for line in stdin().lock().lines() {
        match *line?.split(' ').collect::<Vec<_>>() {
            ["verify", key, endpoint] => println!("{}", verify(&verifier, key, endpoint, &[])),
            ["verify", key, endpoint, variable] => {
                println!("{}", verify(&verifier, key, endpoint, &[variable]));
            }
            ["create"] => {
                let created = gatekeeper.call_blocking(CreateKey::new("user"))?;
                println!("{} {}", created.id, created.api_key.expose());
            }
            ["hammer", key, endpoint] => hammer(&verifier, key, endpoint)?,
            _ => return Err("verify, create or hammer".into()),
        }
    }
    Ok(())
}

fn verify(verifier: &Verifier, key: &str, endpoint: &str, variables: &[&str]) -> String {
    match verifier.verify(key, endpoint, variables) {
        Ok(Verdict::Admitted(_)) => "admitted".to_owned(),
        Ok(Verdict::RateLimited(_)) => "limited".to_owned(),
        Ok(Verdict::InvalidKey) => "invalid".to_owned(),
        Err(error) => format!("{} {}", error.code(), error.message()),
    }
}

fn hammer(verifier: &Verifier, key: &str, endpoint: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut out = stdout().lock();
    for turn in 0_u64.. {
        if verifier.verify::<&str>(key, endpoint, &[])?.ok() {
            out.write_all(b"+")?;
            out.flush()?;
        }
        let _ = verifier.verify(key, endpoint, &[format!("{} {turn}", std::process::id())])?;
    }
    Ok(())
}
