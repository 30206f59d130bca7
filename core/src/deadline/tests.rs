use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::scope;

use super::timed_mutex::TimedGuard;
use super::*;

/// A deadline after this time.
fn within(ms: u64) -> Deadline {
    Deadline { at_ms: Clock::System.boot_ms() + ms }
}

/// Waits for something that never happens. Returns the number of steps. Another test may fork meanwhile.
fn wait_in_vain() -> i32 {
    let mut all = 0;
    let outcome: Result<(), ()> = uninterrupted(|| {
        all += (0..i32::MAX).find(|steps| !wait(*steps)).unwrap();
        Err(())
    });
    assert!(outcome.is_err());
    all
}

fn locked<T>(mutex: &TimedMutex<T>) -> Result<TimedGuard<'_, T>, GaveUp> {
    uninterrupted(|| mutex.lock())
}

#[test]
fn a_call_has_one_deadline_for_all_its_waits() {
    let deadline = within(50);
    deadline.run(|| {
        assert!(wait_in_vain() > 0 && deadline.remaining().is_zero());
        assert_eq!(wait_in_vain(), 0, "nothing is left for a second wait");
        let mutex = TimedMutex::<()>::default();
        let held = locked(&mutex);
        assert!(held.is_ok(), "a free lock needs no wait");
        assert!(locked(&mutex).is_err());
    });
}

#[test]
fn a_part_of_a_call_has_the_deadline_of_the_call() {
    within(0).run(|| {
        assert_eq!(within(10_000).run(wait_in_vain), 0);
        assert_eq!(call(wait_in_vain), 0);
        assert_eq!(call(wait_in_vain), 0);
    });
    assert!(!call(left).is_zero(), "the next call has its own");
}

#[test]
fn a_lock_is_given_up_at_the_deadline_and_acquired_when_it_becomes_free() {
    let mutex = TimedMutex::<u32>::default();
    let held = locked(&mutex).unwrap();
    assert!(mutex.try_lock().is_none());
    assert!(within(20).run(|| locked(&mutex).is_err()));
    let barrier = Barrier::new(2);
    scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            *locked(&mutex).unwrap() += 1;
        });
        barrier.wait();
        drop(held);
    });
    assert_eq!(*mutex.try_lock().unwrap(), 1);
}

#[test]
fn all_threads_that_wait_for_a_lock_acquire_it() {
    let (mutex, done) = (TimedMutex::<u32>::default(), AtomicUsize::new(0));
    scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    *locked(&mutex).unwrap() += 1;
                }
                done.fetch_add(1, SeqCst);
            });
        }
    });
    assert_eq!((*mutex.try_lock().unwrap(), done.load(SeqCst)), (4000, 8));
}

#[test]
fn a_failure_for_another_reason_than_a_fork_is_not_run_again() {
    let mut runs = 0;
    let outcome: Result<(), &str> = uninterrupted(|| {
        runs += 1;
        Err("no")
    });
    assert_eq!((outcome, runs), (Err("no"), 1));
}
