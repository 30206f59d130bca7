//! `hammer URL ENDPOINTS KEY`: once its standard input ends, verifies the key at the endpoint `HAMMER` as often as its
//! limit. Prints a letter at once for each verdict: `A`dmitted, `L`imited or `I`nvalid.

#![allow(clippy::print_stdout, reason = "a program's answer")]

use std::io::{Write, read_to_string, stdin, stdout};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::{Endpoints, Verdict};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, endpoints, key] = arguments.as_slice() else {
        return Err("usage: hammer URL ENDPOINTS KEY".into());
    };
    let verifier = Gatekeeper::open(url)?.verifier(Endpoints::from_json(endpoints)?)?;
    let calls: u32 = read_to_string(stdin())?.parse()?;
    let mut out = stdout().lock();
    for _ in 0..calls {
        let verdict = match verifier.verify::<&str>(key, "HAMMER", &[])? {
            Verdict::Admitted(_) => b"A",
            Verdict::RateLimited(_) => b"L",
            _ => b"I",
        };
        out.write_all(verdict)?;
        // If this process is killed, only the verdict of the current call is missing.
        out.flush()?;
    }
    Ok(())
}
