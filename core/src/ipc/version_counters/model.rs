//! The freshness protocol in every interleaving of its steps, and four ways to break it, each of which is found.
//!
//! The words are the real ones; the database is modelled as what matters of it: a lock for writers, and snapshots that
//! hold a change number and the record that belongs to it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::{COMMON, Invalidation, VersionCounters, Word};
use crate::secret::Digest;

impl Word for AtomicU64 {
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

/// How an implementation may go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The change is announced after it was committed.
    LateAnnouncement,
    /// What is remembered carries a number that was read after the record.
    NumberOfAnotherSnapshot,
    /// The word is read after what is remembered was found good, at the next call.
    WordOfTheCallBefore,
    /// A dead writer's word is settled without the write lock.
    SettledWithoutTheLock,
}

/// A snapshot: the change number, and whether the key is live.
#[derive(Clone, Copy)]
struct Snapshot {
    number: u64,
    live: bool,
}

struct Machine {
    version_counters: VersionCounters<Vec<AtomicU64>>,
    committed: Mutex<Snapshot>,
    /// SQLite's write lock; the flag beside it says that a revocation was acknowledged.
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

    /// Revokes the key, or dies between the announcement and the commit.
    fn revoke(&self, dies: bool) {
        let lock = self.writer.lock().unwrap();
        let number = self.committed.lock().unwrap().number + 1;
        let publish = || self.version_counters.publish(&[Invalidation::Changed(self.digest)], number);
        if self.fault != Fault::LateAnnouncement {
            publish();
        }
        if dies {
            return;
        }
        *self.committed.lock().unwrap() = Snapshot { number, live: false };
        self.acknowledged.store(true, SeqCst);
        if self.fault == Fault::LateAnnouncement {
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

    /// Commits an empty change where no writer is at work and a word is ahead.
    fn settle(&self) {
        let lock = (self.fault != Fault::SettledWithoutTheLock).then(|| self.writer.lock().unwrap());
        let word = self.version_counters.of_known(&self.digest);
        let mut committed = self.committed.lock().unwrap();
        committed.number = committed.number.max(word);
        drop(committed);
        drop(lock);
    }
}

/// What a process remembers of the key, and the word it last saw.
struct Process<'a> {
    machine: &'a Machine,
    remembered: Snapshot,
    word_before: u64,
}

impl<'a> Process<'a> {
    fn started(machine: &'a Machine) -> Self {
        Self { machine, remembered: Snapshot { number: 1, live: true }, word_before: 0 }
    }

    fn verify(&mut self) {
        let revoked = self.machine.acknowledged.load(SeqCst);
        let mut word = self.machine.version_counters.of_known(&self.machine.digest);
        if self.machine.fault == Fault::WordOfTheCallBefore {
            word = std::mem::replace(&mut self.word_before, word);
        }
        if self.remembered.number < word {
            self.remembered = self.machine.read();
            if self.remembered.number < word {
                self.machine.settle();
                self.remembered = self.machine.read();
            }
        }
        assert!(!(revoked && self.remembered.live), "a key lives on after its revocation was acknowledged");
    }
}

/// A writer that revokes beside a process that verifies twice.
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

/// A writer that dies after it announced, and a second one that revokes, beside a process that verifies.
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
fn a_change_announced_after_its_commit_is_found() {
    assert!(is_found(|| revocation(Fault::LateAnnouncement)));
}

#[test]
fn a_number_of_another_snapshot_is_found() {
    assert!(is_found(|| revocation(Fault::NumberOfAnotherSnapshot)));
}

#[test]
fn a_word_read_before_the_verification_began_is_found() {
    assert!(is_found(|| revocation(Fault::WordOfTheCallBefore)));
}

#[test]
fn a_dead_writers_word_settled_beside_a_live_one_is_found() {
    assert!(is_found(|| death(Fault::SettledWithoutTheLock)));
}
