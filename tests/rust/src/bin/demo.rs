//! The demo's program in Rust: answers calls on standard input, a line of JSON each.

#![allow(clippy::print_stdout, reason = "a program's answer")]

use std::io::{BufRead, stdin};
use std::time::Instant;

use gatekeeper::{Endpoints, Gatekeeper, Result, Verifier, VerifyOutput};
use serde_json::{Value, json};

type Request = (String, String, String, Vec<String>);

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(endpoints)) = (arguments.next(), arguments.next()) else {
        return Err("usage: demo URL ENDPOINTS".into());
    };
    let verifier = Gatekeeper::open(&url)?.verifier(Endpoints::from_json(&endpoints)?)?;
    for line in stdin().lock().lines() {
        let (call, key, endpoint, variables): Request = serde_json::from_str(&line?)?;
        let answer = match call.as_str() {
            "time" => timed(&verifier, &key, &endpoint, &variables)?,
            _ => verify(&verifier, &key, &endpoint, &variables)?,
        };
        println!("{answer}");
    }
    Ok(())
}

fn verify(verifier: &Verifier, key: &str, endpoint: &str, variables: &[String]) -> Result<Value> {
    match verifier.verify(key, endpoint, variables) {
        Ok(verdict) => {
            let mut answer = json!(VerifyOutput::from(verdict));
            answer["success"] = true.into();
            Ok(answer)
        }
        Err(error) => match error.kind().key_manager() {
            Some(name) => Ok(json!({ "success": false, "error": name, "reason": error.message() })),
            None => Err(error),
        },
    }
}

/// Nanoseconds of one verification, the least of five rounds.
#[allow(clippy::disallowed_methods, reason = "a stopwatch")]
fn timed(verifier: &Verifier, key: &str, endpoint: &str, variables: &[String]) -> Result<Value> {
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..10_000 {
            let _ = verifier.verify(key, endpoint, variables)?;
        }
        least = least.min(start.elapsed().as_secs_f64() * 1e9 / 10_000.0);
    }
    Ok(json!({ "ns": least }))
}
