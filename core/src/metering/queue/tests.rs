use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{scope, sleep};
use std::time::Duration;

use super::*;

fn doubled(brought: Vec<u64>) -> Vec<Result<u64>> {
    brought.into_iter().map(|each| Ok(each * 2)).collect()
}

#[test]
fn every_caller_gets_its_own_result_and_many_share_a_run() {
    let (queue, goes) = (Queue::new(), AtomicUsize::new(0));
    scope(|scope| {
        for thread in 0..16 {
            let (queue, goes) = (&queue, &goes);
            scope.spawn(move || {
                for turn in 0..200 {
                    let brought = thread * 1000 + turn;
                    let answer = queue.submit(brought, |all| {
                        goes.fetch_add(1, SeqCst);
                        // About as long as a disk takes.
                        sleep(Duration::from_micros(50));
                        doubled(all)
                    });
                    assert_eq!(answer.unwrap(), brought * 2);
                }
            });
        }
    });
    let goes = goes.load(SeqCst);
    assert!(goes < 16 * 200 / 2, "{goes} goes");
}

#[test]
fn a_panicking_leader_fails_its_group_and_later_groups_run() {
    let queue = Queue::new();
    let leader_is_in = AtomicBool::new(false);
    scope(|scope| {
        let broken = scope.spawn(|| {
            queue.submit(1, |_| {
                leader_is_in.store(true, SeqCst);
                while lock(&queue.0).items.is_empty() {
                    yield_now();
                }
                panic!("a defect")
            })
        });
        while !leader_is_in.load(SeqCst) {
            yield_now();
        }
        assert_eq!(queue.submit(2, doubled).unwrap(), 4);
        assert!(broken.join().is_err());
    });
    assert_eq!(queue.submit(3, doubled).unwrap(), 6);
}

#[test]
fn a_missing_result_is_an_error() {
    let queue: Queue<u64, u64> = Queue::new();
    assert_eq!(queue.submit(1, |_| Vec::new()).unwrap_err().status(), 500);
}

#[test]
fn a_fork_does_not_wait_for_a_leader_that_waits_for_the_disk() {
    let (queue, is_forked) = (Queue::new(), AtomicBool::new(false));
    scope(|scope| {
        let leader = scope.spawn(|| {
            queue.submit(1, |all| {
                while !is_forked.load(SeqCst) {
                    yield_now();
                }
                doubled(all)
            })
        });
        while !lock(&queue.0).is_led {
            yield_now();
        }
        let mut guards = ForkGuards::new();
        queue.quiesce(&mut guards);
        is_forked.store(true, SeqCst);
        drop(guards);
        assert_eq!(leader.join().unwrap().unwrap(), 2);
    });
}
