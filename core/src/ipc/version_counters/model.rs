//! A model of the freshness protocol: every interleaving of its steps is checked, and four faults, each of which is
//! found.
//!
//! The version counters are the real ones. The database is modelled by a lock for writers, and by snapshots that
//! hold a change number and the record that belongs to it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::{COMMON, Invalidation, SharedCounter, VersionCounters};
use crate::secret::Digest;

impl SharedCounter for AtomicU64 {
    fn get(&self) -> u64 {
        self.load(SeqCst)
    }

    fn raise(&self, number: u64) {
        self.fetch_max(number, SeqCst);
    }

    fn set(&self, number: u64) {
        self.store(number, SeqCst);
    }
}

/// A fault of an implementation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The change is published after it was committed.
    LatePublication,
    /// A cached record has the change number of a later snapshot.
    NumberOfAnotherSnapshot,
    /// The counter is read before the verification begins, at the previous call.
    CounterOfThePreviousCall,
    /// The counter of a writer that died is settled without the write lock.
    SettledWithoutTheLock,
}

/// A snapshot: the change number, and whether the key is active.
#[derive(Clone, Copy)]
struct Snapshot {
    number: u64,
    live: bool,
}

struct Machine {
    version_counters: VersionCounters<Vec<AtomicU64>>,
    committed: Mutex<Snapshot>,
    /// SQLite's write lock.
    writer: Mutex<()>,
    acknowledged: AtomicBool,
    digest: Digest,
    fault: Fault,
}

impl Machine {
    fn new(fault: Fault) -> Self {
        Self {
            version_counters: VersionCounters((0..COMMON + 2).map(|_| AtomicU64::new(0)).collect()),
            committed: Mutex::new(Snapshot { number: 1, live: true }),
            writer: Mutex::new(()),
            acknowledged: AtomicBool::new(false),
            digest: Digest::of(b"key"),
            fault,
        }
    }

    /// Revokes the key, or dies between publishing and committing.
    fn revoke(&self, dies: bool) {
        let lock = self.writer.lock().unwrap();
        let number = self.committed.lock().unwrap().number + 1;
        let publish = || self.version_counters.publish(&[Invalidation::Updated(self.digest)], number);
        if self.fault != Fault::LatePublication {
            publish();
        }
        if dies {
            return;
        }
        *self.committed.lock().unwrap() = Snapshot { number, live: false };
        self.acknowledged.store(true, SeqCst);
        if self.fault == Fault::LatePublication {
            publish();
        }
        drop(lock);
    }

    fn read(&self) -> Snapshot {
        let mut read = *self.committed.lock().unwrap();
        if self.fault == Fault::NumberOfAnotherSnapshot {
            read.number = self.committed.lock().unwrap().number;
        }
        read
    }

    /// Commits an empty change if no writer is working and the counter is ahead.
    fn settle(&self) {
        let lock = (self.fault != Fault::SettledWithoutTheLock).then(|| self.writer.lock().unwrap());
        let counter = self.version_counters.of_known(&self.digest);
        let mut committed = self.committed.lock().unwrap();
        committed.number = committed.number.max(counter);
        drop(committed);
        drop(lock);
    }
}

/// The cached record of a process, and the counter that it read before.
struct Process<'a> {
    machine: &'a Machine,
    cached: Snapshot,
    previous_counter: u64,
}

impl<'a> Process<'a> {
    fn started(machine: &'a Machine) -> Self {
        Self { machine, cached: Snapshot { number: 1, live: true }, previous_counter: 0 }
    }

    fn verify(&mut self) {
        let revoked = self.machine.acknowledged.load(SeqCst);
        let mut counter = self.machine.version_counters.of_known(&self.machine.digest);
        if self.machine.fault == Fault::CounterOfThePreviousCall {
            counter = std::mem::replace(&mut self.previous_counter, counter);
        }
        if self.cached.number < counter {
            self.cached = self.machine.read();
            if self.cached.number < counter {
                self.machine.settle();
                self.cached = self.machine.read();
            }
        }
        assert!(!(revoked && self.cached.live), "a key lives on after its revocation was acknowledged");
    }
}

/// A writer that revokes, concurrent with a process that verifies twice.
fn revocation(fault: Fault) {
    loom::model(move || {
        let machine = Arc::new(Machine::new(fault));
        let writer = thread::spawn({
            let machine = Arc::clone(&machine);
            move || machine.revoke(false)
        });
        let mut process = Process::started(&machine);
        process.verify();
        process.verify();
        writer.join().unwrap();
        process.verify();
    });
}

/// A writer that dies after publishing and a second one that revokes, concurrent with a process that verifies.
fn death(fault: Fault) {
    loom::model(move || {
        let machine = Arc::new(Machine::new(fault));
        let writer = thread::spawn({
            let machine = Arc::clone(&machine);
            move || {
                machine.revoke(true);
                machine.revoke(false);
            }
        });
        let mut process = Process::started(&machine);
        process.verify();
        process.verify();
        writer.join().unwrap();
        process.verify();
    });
}

fn is_found(model: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(model)).is_err()
}

#[test]
fn a_revoked_key_is_rejected_by_every_verification_that_begins_afterwards() {
    revocation(Fault::None);
}

#[test]
fn a_writer_that_died_leaves_nothing_stale() {
    death(Fault::None);
}

#[test]
fn the_model_finds_a_change_published_after_its_commit() {
    assert!(is_found(|| revocation(Fault::LatePublication)));
}

#[test]
fn the_model_finds_a_version_of_another_snapshot() {
    assert!(is_found(|| revocation(Fault::NumberOfAnotherSnapshot)));
}

#[test]
fn the_model_finds_a_counter_read_before_the_verification_began() {
    assert!(is_found(|| revocation(Fault::CounterOfThePreviousCall)));
}

#[test]
fn the_model_finds_a_counter_settled_while_another_writer_works() {
    assert!(is_found(|| death(Fault::SettledWithoutTheLock)));
}
