//! Several processes that record usage in one file.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use gatekeeper::TenantId;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::CreateKey;
use gatekeeper::platform::SetTenantQuota;
use gatekeeper::usage::{Period, SummarizeUsage};
use rusqlite::Connection;
use tempfile::TempDir;

struct Fixture {
    _folder: TempDir,
    database: PathBuf,
    gatekeeper: Gatekeeper,
    tenant: TenantId,
}

impl Fixture {
    fn new(limit: Option<i64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("gatekeeper.db");
        let gatekeeper = Gatekeeper::open(database.to_str().unwrap()).unwrap();
        let tenant = gatekeeper.create_root_key("Acme Inc").unwrap().tenant_id;
        let quota = SetTenantQuota { tenant_id: tenant, limit, period: Period::Month };
        gatekeeper.call(quota).unwrap();
        Self { _folder: folder, database, gatekeeper, tenant }
    }

    /// Starts processes that open the database at the same time.
    fn workers<const N: usize>(&self, threads: u32, seconds: u64) -> [Child; N] {
        let mut workers = [(); N].map(|()| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_usage-worker"));
            command.arg(&self.database).arg(self.tenant.to_string());
            command.args([threads.to_string(), seconds.to_string()]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
        });
        for worker in &mut workers {
            drop(worker.stdin.take());
        }
        workers
    }

    /// The number of events. The totals of all periods must agree, and the quota must not be exceeded.
    fn events(&self, limit: Option<i64>) -> HashSet<String> {
        let connection = Connection::open(&self.database).unwrap();
        let mut statement = connection.prepare("SELECT id FROM usage_events").unwrap();
        let ids = statement.query_map([], |row| row.get(0)).unwrap();
        let ids: HashSet<String> = ids.collect::<Result<_, _>>().unwrap();
        let count = i64::try_from(ids.len()).unwrap();
        for period in ["hour", "day", "month"] {
            // A bucket may have ended in the meantime.
            let sums = "SELECT coalesce(sum(quantity), 0), coalesce(sum(events), 0) FROM usage_sums WHERE period = $1";
            let sums = connection.query_row(sums, [period], |row| Ok((row.get(0)?, row.get(1)?)));
            assert_eq!(sums, Ok((count, count)), "by {period}");
        }
        assert!(limit.is_none_or(|limit| count <= limit), "{count} are over the quota");
        ids
    }
}

/// The events that a process acknowledged, and the duration of its slowest call if it ended by itself.
fn output_of(mut worker: Child) -> (Vec<String>, Option<u64>) {
    let (mut ids, mut longest) = (Vec::new(), None);
    for line in BufReader::new(worker.stdout.take().unwrap()).lines().map_while(Result::ok) {
        match line.strip_prefix("longest ") {
            Some(milliseconds) => longest = Some(milliseconds.parse().unwrap()),
            // The last line of a killed process may be incomplete.
            None if line.len() == 30 => ids.push(line),
            None => {}
        }
    }
    worker.wait().unwrap();
    (ids, longest)
}

#[test]
fn eight_threads_of_two_processes_record_exactly_the_quota() {
    const LIMIT: i64 = 1500;
    let fixture = Fixture::new(Some(LIMIT));
    let workers: [Child; 2] = fixture.workers(4, 120);
    let ids: Vec<String> = workers.into_iter().flat_map(|worker| output_of(worker).0).collect();
    assert_eq!(i64::try_from(ids.len()), Ok(LIMIT));
    assert_eq!(fixture.events(Some(LIMIT)), ids.into_iter().collect());
}

#[test]
fn a_killed_process_loses_no_acknowledged_event_and_the_quota_holds() {
    const LIMIT: i64 = 3000;
    let fixture = Fixture::new(Some(LIMIT));
    let rounds = std::env::var("GATEKEEPER_KILLS").map_or(15, |rounds| rounds.parse().unwrap());
    let mut acknowledged = HashSet::new();
    let mut random = 0x9e37_79b9_u64;
    for _ in 0..rounds {
        let mut workers: [Child; 2] = fixture.workers(4, 120);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        sleep(Duration::from_micros(20_000 + random % 60_000));
        for worker in &mut workers {
            worker.kill().unwrap();
        }
        acknowledged.extend(workers.into_iter().flat_map(|worker| output_of(worker).0));
        let events = fixture.events(Some(LIMIT));
        assert!(acknowledged.is_subset(&events), "an acknowledged event is lost");
    }
    // The rest of the quota is what no process has used.
    let [last] = fixture.workers(8, 120);
    acknowledged.extend(output_of(last).0);
    let events = fixture.events(Some(LIMIT));
    assert_eq!(i64::try_from(events.len()), Ok(LIMIT));
    assert!(acknowledged.is_subset(&events));
    let summary = SummarizeUsage { tenant_id: fixture.tenant, period: Period::Month };
    assert_eq!(fixture.gatekeeper.call(summary).unwrap().event_count, LIMIT);
    let checked = Connection::open(&fixture.database).unwrap();
    let verdict: String = checked.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a stopwatch")]
fn no_writer_waits_longer_than_a_second_with_two_busy_processes() {
    let fixture = Fixture::new(None);
    let workers: [Child; 2] = fixture.workers(2, 3);
    let mut own = Duration::ZERO;
    let outputs = std::thread::scope(|scope| {
        // Read while they write: a full pipe would block them.
        let readers = workers.map(|worker| scope.spawn(|| output_of(worker)));
        // A third process writes from time to time, with another operation.
        for _ in 0..100 {
            let start = std::time::Instant::now();
            fixture.gatekeeper.call(CreateKey::new("user")).unwrap();
            own = own.max(start.elapsed());
            sleep(Duration::from_millis(20));
        }
        readers.map(|reader| reader.join().unwrap())
    });
    let counts = outputs.each_ref().map(|(ids, _)| ids.len());
    let longest = outputs.each_ref().map(|(_, longest)| longest.unwrap());
    println!("{counts:?} events, {longest:?} ms at most; {own:?} beside them");
    assert!(
        longest.iter().all(|longest| *longest < 1000) && own < Duration::from_secs(1),
        "{longest:?} {own:?}"
    );
    assert!(counts[0] < counts[1] * 4 && counts[1] < counts[0] * 4, "{counts:?}");
}
