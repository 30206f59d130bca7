//! The rate of verifications during many logins: `logins FOLDER SECONDS LOGINS_PER_SECOND`.
//!
//! One thread verifies one key in a database file repeatedly, while another thread runs an empty loop, and while other
//! threads make `LOGINS_PER_SECOND` logins a second. Prints one JSON object: the verifications a second in both
//! cases, the second as a share of the first, and the number of completed logins.

#![allow(clippy::print_stdout, reason = "the output of a program")]

use std::hint::spin_loop;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::Duration;

use gatekeeper::Secret;
use gatekeeper::auth::{Login, Signup};
use gatekeeper::blocking::Gatekeeper;
use gatekeeper_bench::Result;
use gatekeeper_bench::subject::{PLENTY, Subject, open};
use gatekeeper_bench::time::{now, ns_since};
use serde_json::json;

/// How often both are measured, in turn. The result is the median of each.
const TURNS: usize = 5;
const EMAIL: &str = "founder@example.com";
const PASSWORD: &str = "hunter2pass";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, seconds, logins] = arguments.as_slice() else {
        return Err("usage: logins FOLDER SECONDS LOGINS_PER_SECOND".into());
    };
    let (seconds, logins) = (seconds.parse::<f64>()?, logins.parse::<u32>()?);
    let database = Path::new(folder).join("gatekeeper.db");
    let database = database.to_str().ok_or("the folder's name is not Unicode")?;
    let mut subject = open("gatekeeper", database, PLENTY)?;
    let key = subject.create(1)?.pop().ok_or("no key")?;
    let accounts = Gatekeeper::open(database)?.anonymous();
    accounts.call(Signup { email: EMAIL.into(), password: Secret::new(PASSWORD), name: None })?;

    let (mut alone, mut stormed, mut answered) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TURNS {
        alone.push(rate(subject.as_mut(), &key, seconds, |over| {
            while !over.load(Relaxed) {
                spin_loop();
            }
        })?);
        let (count, turn) = (AtomicU64::new(0), 1.0 / f64::from(logins));
        stormed.push(rate(subject.as_mut(), &key, seconds, |over| {
            scope(|threads| {
                while !over.load(Relaxed) {
                    threads.spawn(|| {
                        let login = Login { email: EMAIL.into(), password: Secret::new(PASSWORD) };
                        count.fetch_add(u64::from(accounts.call(login).is_ok()), Relaxed);
                    });
                    sleep(Duration::from_secs_f64(turn));
                }
            });
        })?);
        answered += count.into_inner();
    }
    let median = |rates: &mut Vec<f64>| {
        rates.sort_unstable_by(f64::total_cmp);
        rates.get(TURNS / 2).copied().unwrap_or(f64::NAN)
    };
    let (alone, stormed) = (median(&mut alone), median(&mut stormed));
    println!(
        "{}",
        json!({ "alone": alone, "stormed": stormed, "share": stormed / alone, "logins": answered })
    );
    Ok(())
}

/// The verifications a second while `beside` runs on another thread.
fn rate(
    subject: &mut dyn Subject,
    key: &String,
    seconds: f64,
    beside: impl Fn(&AtomicBool) + Send + Sync,
) -> Result<f64> {
    let over = AtomicBool::new(false);
    scope(|threads| {
        threads.spawn(|| beside(&over));
        let (start, mut calls) = (now(), 0_u32);
        while ns_since(start) < seconds * 1e9 {
            for _ in 0..100 {
                subject.call(key)?;
            }
            calls += 100;
        }
        let took = ns_since(start) / 1e9;
        over.store(true, Relaxed);
        Ok(f64::from(calls) / took)
    })
}
