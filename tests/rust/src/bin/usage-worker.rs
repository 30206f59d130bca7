//! `usage-worker URL TENANT THREADS SECONDS`: once its standard input ends, each of its threads checks and records
//! usage of 1, until the quota is reached or the time is up. Prints the id of each event when it is acknowledged, one a
//! line, and at the end `longest` and the duration of the slowest call in milliseconds.

#![allow(clippy::print_stdout, reason = "a program's answer")]
#![allow(clippy::disallowed_methods, reason = "a stopwatch")]

use std::io::{Read, stdin};
use std::thread;
use std::time::{Duration, Instant};

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::usage::{CheckAndRecordUsage, UsageInput};
use gatekeeper::{ErrorKind, Result, TenantId};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, tenant, threads, seconds] = arguments.as_slice() else {
        return Err("usage: usage-worker URL TENANT THREADS SECONDS".into());
    };
    let gatekeeper = Gatekeeper::open(url)?;
    let (tenant, threads, seconds): (TenantId, u32, u64) =
        (tenant.parse()?, threads.parse()?, seconds.parse()?);
    stdin().read_to_end(&mut Vec::new())?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let longest = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| work(&gatekeeper, tenant, until))).collect();
        let longest = threads.into_iter().map(|thread| thread.join().unwrap_or(Ok(Duration::MAX)));
        longest.collect::<Result<Vec<_>>>()
    })?;
    println!("longest {}", longest.into_iter().max().unwrap_or_default().as_millis());
    Ok(())
}

/// The time of the slowest call.
fn work(gatekeeper: &Gatekeeper, tenant: TenantId, until: Instant) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    loop {
        let start = Instant::now();
        if start > until {
            return Ok(longest);
        }
        match gatekeeper.call(CheckAndRecordUsage(UsageInput::new(tenant, "work", "done"))) {
            Ok(recorded) => println!("{}", recorded.event.id),
            Err(error) if error.kind() == ErrorKind::PlanLimit => return Ok(longest),
            Err(error) => return Err(error),
        }
        longest = longest.max(start.elapsed());
    }
}
