//! `console URL ENDPOINTS`: runs the commands on standard input, one a line, and prints the result of each as a line:
//!
//! - `verify KEY ENDPOINT [VARIABLE]`: `admitted`, `limited`, `invalid`, or the code and the message of an error
//! - `create`: a new key's id and the key
//! - `record TENANT`: `recorded`, after it has recorded a usage event
//! - `hammer KEY ENDPOINT`: acquires permits from the key's slot and from new slots until the process is killed, and
//!   writes a `+` at once for each permit of the key's slot

#![allow(clippy::print_stdout, reason = "a program's answer")]

use std::io::{BufRead, Write, stdin, stdout};

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::CreateKey;
use gatekeeper::{Endpoints, GatekeeperError, Verdict};
use gatekeeper_tests::call;
use serde_json::json;

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
            ["create"] => match gatekeeper.call(CreateKey::new("user")) {
                Ok(created) => println!("{} {}", created.id, created.api_key.expose()),
                Err(error) => println!("{}", shown(&error)),
            },
            ["record", tenant] => {
                let usage = json!({ "tenantId": tenant, "service": "test", "action": "record" });
                match call(&gatekeeper, "usage.record", &usage) {
                    Ok(_) => println!("recorded"),
                    Err(error) => println!("{}", shown(&error)),
                }
            }
            ["hammer", key, endpoint] => hammer(&verifier, key, endpoint)?,
            _ => return Err("verify, create, record or hammer".into()),
        }
    }
    Ok(())
}

fn verify(verifier: &Verifier, key: &str, endpoint: &str, variables: &[&str]) -> String {
    match verifier.verify(key, endpoint, variables) {
        Ok(Verdict::Admitted(_)) => "admitted".to_owned(),
        Ok(Verdict::RateLimited(_)) => "limited".to_owned(),
        Ok(_) => "invalid".to_owned(),
        Err(error) => shown(&error),
    }
}

fn shown(error: &GatekeeperError) -> String {
    format!("{} {}", error.code(), error.message())
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
