//! The cost of recording and summing usage in a database file: `usage FOLDER SECONDS MANY_EVENTS`.
//!
//! Prints one JSON object: events a second of 64 callers, of one, and of plain SQLite with one event and with 64 in a
//! commit; microseconds of an `fdatasync`; nanoseconds of a summary over 10,000 events and over many.

#![allow(clippy::print_stdout, reason = "the output of a program")]
#![allow(clippy::cast_precision_loss, reason = "figures of a benchmark")]

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use gatekeeper::TenantId;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::usage::{Period, RecordUsage, SummarizeUsage, UsageInput};
use gatekeeper_bench::Result;
use gatekeeper_bench::time::{median_ns, now, quantile};
use rusqlite::{Connection, params};
use serde_json::json;

const FEW_EVENTS: u64 = 10_000;
/// The number of measurements; the figures are medians.
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, seconds, many] = arguments.as_slice() else {
        return Err("usage: usage FOLDER SECONDS MANY_EVENTS".into());
    };
    let (folder, seconds, many) = (Path::new(folder), seconds.parse()?, many.parse()?);
    let (mut figures, slice) = ([const { Vec::new() }; 5], seconds / ROUNDS as f64);
    // In turn, so that other load on the disk affects all of them.
    for round in 0..ROUNDS {
        let path = |name: &str| folder.join(format!("{name}-{round}.db"));
        let measured = [
            recorded(&path("together"), 64, slice)?,
            recorded(&path("alone"), 1, slice)?,
            inserted(&path("one"), 1, slice)?,
            inserted(&path("many"), 64, slice)?,
            fdatasync_us(&path("sync"), slice)?,
        ];
        for (figures, measured) in figures.iter_mut().zip(measured) {
            figures.push(measured);
        }
    }
    let [together, alone, one_to_a_commit, many_to_a_commit, fdatasync] =
        figures.map(|mut figures| quantile(&mut figures, 0.5));
    println!(
        "{}",
        json!({
            "fdatasync_us": fdatasync,
            "record_64_callers_per_s": together,
            "record_1_caller_per_s": alone,
            "sqlite_1_to_a_commit_per_s": one_to_a_commit,
            "sqlite_64_to_a_commit_per_s": many_to_a_commit,
            "times_one_to_a_commit": together / one_to_a_commit,
            "share_of_64_to_a_commit": together / many_to_a_commit,
            "summary_few_ns": summary_ns(&folder.join("few-events.db"), FEW_EVENTS, seconds)?,
            "summary_many_ns": summary_ns(&folder.join("many-events.db"), many, seconds)?,
        })
    );
    Ok(())
}

/// A new database with a tenant, and the operator's client: a tenant's own callers may record at most 10,000 events a
/// second, which is fewer than are measured here.
fn gatekeeper(path: &Path) -> Result<(Gatekeeper, TenantId)> {
    let operator = Gatekeeper::open(path.to_str().ok_or("the folder's path is not UTF-8")?)?;
    let created = operator.create_root_key("bench")?;
    Ok((operator, created.tenant_id))
}

/// The events a second of `callers` callers in parallel. Each event is durable before its caller records the next.
fn recorded(path: &Path, callers: usize, seconds: f64) -> Result<f64> {
    let (gatekeeper, tenant) = gatekeeper(path)?;
    let (count, start) = (AtomicU64::new(0), now());
    thread::scope(|scope| {
        let callers: Vec<_> = (0..callers)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while start.elapsed().as_secs_f64() < seconds {
                        gatekeeper.call(RecordUsage(UsageInput::new(tenant, "inference", "completion")))?;
                        count.fetch_add(1, Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        callers.into_iter().try_for_each(|caller| caller.join().map_err(|_| "a caller panicked")?)
    })?;
    Ok(count.load(Relaxed) as f64 / start.elapsed().as_secs_f64())
}

/// The durable events a second of SQLite alone, with a fixed number in a commit and without totals.
fn inserted(path: &Path, to_a_commit: u64, seconds: f64) -> Result<f64> {
    let (_, tenant) = gatekeeper(path)?;
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let (mut count, start) = (0_u64, now());
    while start.elapsed().as_secs_f64() < seconds {
        let transaction = connection.transaction()?;
        for _ in 0..to_a_commit {
            insert(&transaction, tenant, count)?;
            count += 1;
        }
        transaction.commit()?;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

fn insert(connection: &Connection, tenant: TenantId, number: u64) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO usage_events (id, tenant_id, service, action, quantity, created_at)
         VALUES ($1, $2, 'inference', 'completion', 1, 1)",
    )?;
    statement.execute(params![format!("evt_{number:026}"), tenant.to_string()])?;
    Ok(())
}

fn fdatasync_us(path: &Path, seconds: f64) -> Result<f64> {
    let mut file = File::create(path)?;
    let median = median_ns(seconds, |_, size| {
        for _ in 0..size {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&[7; 4096])?;
            file.sync_data()?;
        }
        Ok(())
    })?;
    Ok(median / 1000.0)
}

/// The cost of a summary over this many events.
fn summary_ns(path: &Path, events: u64, seconds: f64) -> Result<f64> {
    let (gatekeeper, tenant) = gatekeeper(path)?;
    let first = gatekeeper.call(RecordUsage(UsageInput::new(tenant, "inference", "completion")))?;
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    for number in 1..events {
        insert(&transaction, tenant, number)?;
    }
    transaction.execute(
        "UPDATE usage_sums SET quantity = quantity + $1, events = events + $1 WHERE subject = $2",
        params![events.cast_signed() - 1, first.tenant_id.to_string()],
    )?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    let summary = || gatekeeper.call(SummarizeUsage { tenant_id: tenant, period: Period::Month });
    if summary()?.event_count != events.cast_signed() {
        return Err("the sums are not those of the events".into());
    }
    median_ns(seconds, |_, size| {
        for _ in 0..size {
            summary()?;
        }
        Ok(())
    })
}
