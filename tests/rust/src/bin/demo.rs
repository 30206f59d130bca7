//! The demo's program in Rust: runs calls from standard input, one line of JSON each.

#![allow(clippy::print_stdout, reason = "a program's answer")]

use std::io::{BufRead, stdin};

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::VerifyOutput;
use gatekeeper::{Endpoints, Result, Verdict};
use serde_json::{Value, json};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(endpoints)) = (arguments.next(), arguments.next()) else {
        return Err("usage: demo URL ENDPOINTS".into());
    };
    let verifier = Gatekeeper::open(&url)?.verifier(Endpoints::from_json(&endpoints)?)?;
    for line in stdin().lock().lines() {
        let (call, key, endpoint, rest): (String, String, String, Value) = serde_json::from_str(&line?)?;
        let answer = match call.as_str() {
            "burst" => burst(&verifier, &key, &endpoint, serde_json::from_value(rest)?)?,
            _ => verify(&verifier, &key, &endpoint, &serde_json::from_value::<Vec<String>>(rest)?)?,
        };
        println!("{answer}");
    }
    Ok(())
}

fn verify(verifier: &Verifier, key: &str, endpoint: &str, variables: &[String]) -> Result<Value> {
    let mut answer = json!(VerifyOutput::from(verifier.verify(key, endpoint, variables)?));
    answer["success"] = true.into();
    Ok(answer)
}

/// Verifies a key this many times, and returns how many were admitted.
fn burst(verifier: &Verifier, key: &str, endpoint: &str, calls: u32) -> Result<Value> {
    let mut admitted = 0;
    for _ in 0..calls {
        let verdict = verifier.verify::<&str>(key, endpoint, &[])?;
        admitted += u32::from(matches!(verdict, Verdict::Admitted(_)));
    }
    Ok(json!({ "admitted": admitted }))
}
