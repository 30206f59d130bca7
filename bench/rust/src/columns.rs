//! The columns of the table. Each prints one JSON object.

use std::io::{BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::shuffle::shuffle;
use crate::subject::Subject;
use crate::time::{median_ns, now, ns_since, quantile, timer_ns};

/// One key, called repeatedly.
pub fn hot(subject: &mut dyn Subject, key: &str, seconds: f64) -> Result<Value> {
    let mut current = key.to_owned();
    let ns = median_ns(seconds, |batch, calls| {
        if subject.keeps_each_call() {
            current = format!("{key}-{batch}");
        }
        expect(subject, &current, calls, true)
    })?;
    Ok(json!({ "ns": ns }))
}

/// One key that has used up its limit.
pub fn denied(subject: &mut dyn Subject, key: &String, seconds: f64) -> Result<Value> {
    while subject.call(key)? {}
    let ns = median_ns(seconds, |_, calls| expect(subject, key, calls, false))?;
    Ok(json!({ "ns": ns }))
}

/// Many keys in an order far from that of creation, each called once before. `keys` creates them in the part of the run
/// whose memory is measured. Prints when that memory can be measured, and continues at the next line of its input.
pub fn many(
    subject: &mut dyn Subject,
    seconds: f64,
    keys: impl FnOnce(&mut dyn Subject) -> Result<Vec<String>>,
) -> Result<Value> {
    print_and_wait("ready")?;
    let keys = keys(subject)?;
    for key in &keys {
        expect(subject, key, 1, true)?;
    }
    print_and_wait("touched")?;
    let mut order: Vec<&String> = keys.iter().collect();
    shuffle(&mut order);
    // The keys are read in order, as they would arrive from a socket.
    let order: Vec<String> = order.into_iter().cloned().collect();
    let mut index = 0;
    let ns = median_ns(seconds, |_, calls| {
        for _ in 0..calls {
            index = if index + 1 < order.len() { index + 1 } else { 0 };
            if let Some(key) = order.get(index) {
                expect(subject, key, 1, true)?;
            }
        }
        Ok(())
    })?;
    let held: usize = keys.iter().map(|key| size_of::<String>() + key.capacity()).sum();
    Ok(json!({ "ns": ns, "keys": keys.len(), "held": held }))
}

/// One key that another process calls at the same time, each call timed.
pub fn pair(subject: &mut dyn Subject, seconds: f64) -> Result<Value> {
    let key = print_and_wait("ready")?;
    let (mut samples, mut denied, mut errors) = (Vec::new(), 0_u64, 0_u64);
    let (start, limit) = (now(), Duration::from_secs_f64(seconds));
    while start.elapsed() < limit {
        let began = now();
        match subject.call(&key) {
            Ok(true) => {}
            Ok(false) => denied += 1,
            Err(_) => errors += 1,
        }
        samples.push(ns_since(began));
    }
    let calls = samples.len();
    let (median, p99) = (quantile(&mut samples, 0.5), quantile(&mut samples, 0.99));
    Ok(json!({
        "median": median, "p99": p99, "calls": calls, "denied": denied, "errors": errors, "timer": timer_ns()
    }))
}

/// For each key on the input: `calls` calls, in parallel with other processes. Prints how many were admitted.
pub fn admit(subject: &mut dyn Subject, calls: usize) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    for key in std::io::stdin().lock().lines() {
        let (key, mut admitted, mut errors) = (key?, 0, 0);
        for _ in 0..calls {
            match subject.call(&key) {
                Ok(ok) => admitted += u32::from(ok),
                Err(_) => errors += 1,
            }
        }
        writeln!(out, "{}", json!({ "admitted": admitted, "errors": errors }))?;
        out.flush()?;
    }
    Ok(())
}

fn expect(subject: &mut dyn Subject, key: &String, calls: usize, admitted: bool) -> Result<()> {
    for _ in 0..calls {
        if subject.call(key)? != admitted {
            return Err("the verdict of a call is not the one that this column expects".into());
        }
    }
    Ok(())
}

fn print_and_wait(word: &str) -> Result<String> {
    let mut out = std::io::stdout();
    writeln!(out, "{word}")?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
