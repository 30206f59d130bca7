//! `memory slots|keys COUNT`: measures the resident memory of COUNT slots with one entry, or of COUNT cached keys with
//! one slot each. Prints `{records, taken}` in bytes; `records` is for the records themselves in `memory:`.

#![allow(clippy::print_stdout, reason = "a program's answer")]

use gatekeeper::Endpoints;
use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::CreateKey;

const ENDPOINTS: &str = r#"{"GET": {"default": {"maxReq": 10, "duration": 3600000}}}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(what), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: memory slots|keys COUNT".into());
    };
    let count: usize = count.parse()?;
    let gatekeeper = Gatekeeper::open("memory:")?;
    let verifier = gatekeeper.verifier(Endpoints::from_json(ENDPOINTS)?)?;
    let mut keys = vec![new_key(&gatekeeper)?];
    let start = resident()?;
    if what == "keys" {
        for _ in 1..count {
            keys.push(new_key(&gatekeeper)?);
        }
    }
    let (records, before) = (resident()?.saturating_sub(start), resident()?);
    for index in 0..count {
        let (key, variable) = (keys.get(index).unwrap_or(&keys[0]), index.to_string());
        verify(&verifier, key, if what == "keys" { "" } else { &variable })?;
    }
    println!("{}", serde_json::json!({ "records": records, "taken": resident()?.saturating_sub(before) }));
    Ok(())
}

fn new_key(gatekeeper: &Gatekeeper) -> gatekeeper::Result<String> {
    let roles = vec!["PRO".to_owned(), "TEAM".to_owned()];
    let created = gatekeeper.call(CreateKey { roles, ..CreateKey::new("user") })?;
    Ok(created.api_key.expose().to_owned())
}

fn verify(verifier: &Verifier, key: &str, variable: &str) -> Result<(), Box<dyn std::error::Error>> {
    if verifier.verify(key, "GET", &[variable])?.ok() { Ok(()) } else { Err("a call was rejected".into()) }
}

/// The resident memory in bytes, from Linux's `/proc`.
fn resident() -> Result<usize, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<usize>()? * 1024)
}
