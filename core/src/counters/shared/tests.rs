use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;
use crate::window::Limit;

/// Counters as two processes would have them, except that LMDB is opened once per process.
struct Fixture {
    _folder: TempDir,
    shared: Arc<Shared>,
    counters: SharedCounters,
    clock: ManualClock,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("gatekeeper.db");
        std::fs::write(&database, "").unwrap();
        let shared = Arc::new(Shared::beside(&database));
        shared.open_or_make(1).unwrap();
        let clock = ManualClock::new();
        let counters = SharedCounters::new(Arc::clone(&shared), Clock::Manual(clock.clone()));
        Self { _folder: folder, shared, counters, clock }
    }

    fn acquire(&self, name: u128, request: Request<'_>) -> Acquired {
        let segment = self.shared.open().unwrap().unwrap();
        self.counters.acquire(segment, SlotName::from(name), &request, true).unwrap().unwrap()
    }

    fn slots(&self) -> usize {
        let count = |open: &mut Open| open.environment.look(|slots, transaction| slots.len(transaction));
        usize::try_from(self.counters.file.with_open(count).unwrap()).unwrap()
    }
}

fn spread(name: u128) -> u128 {
    name.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn once(duration: u64) -> Request<'static> {
    Request { limit: Limit::new(1, duration).unwrap(), shorter: &[], cost: 1, keep_ms: duration }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn l6_slots_in_the_file_decide_as_windows_of_their_own(
        calls in prop::collection::vec((0..20_u128, 0..=30_u64, 1..=3_u32), 1..300),
        limits in prop::collection::vec((1..=300_u32, 1..=200_u64), 20),
    ) {
        let fixture = Fixture::new();
        let mut alone: Vec<_> = limits.iter().map(|_| Window::default()).collect();
        for (slot, step, cost) in calls {
            fixture.clock.advance(step);
            let index = usize::try_from(slot).unwrap();
            let (max_req, duration) = limits[index];
            let request =
                Request { limit: Limit::new(max_req.max(cost), duration).unwrap(), shorter: &[], cost, keep_ms: duration };
            let now = Clock::Manual(fixture.clock.clone()).boot_ms();
            prop_assert_eq!(fixture.acquire(spread(slot), request), alone[index].acquire(now, &request));
        }
    }
}

#[test]
fn the_file_grows_as_it_fills_and_loses_nothing() {
    let fixture = Fixture::new();
    let slots = 150_000;
    for name in 0..slots {
        assert!(fixture.acquire(spread(name), once(3_600_000)).admitted);
    }
    let path = fixture.shared.open().unwrap().unwrap().counters.as_ref().unwrap();
    assert!(std::fs::metadata(path).unwrap().len() > 8 << 20);
    for name in (0..slots).step_by(97) {
        assert!(!fixture.acquire(spread(name), once(3_600_000)).admitted, "a slot was lost");
    }
}

#[test]
fn a_slot_with_nothing_in_its_window_is_swept() {
    let fixture = Fixture::new();
    for name in 1..=20_000 {
        fixture.acquire(spread(name), once(1000));
    }
    assert_eq!(fixture.slots(), 20_000);
    // One busy slot causes sweeps of all others.
    for _ in 0..20_000 * usize::try_from(ADMISSIONS_PER_SWEEP).unwrap() / SWEPT_AT_ONCE + 1000 {
        fixture.clock.advance(1000);
        assert!(fixture.acquire(spread(0), once(1000)).admitted);
    }
    assert!(fixture.slots() <= 1 + SWEPT_AT_ONCE, "{} slots are left", fixture.slots());
}

#[test]
fn new_slots_sweep_faster_than_they_come() {
    let fixture = Fixture::new();
    for name in 0..60_000 {
        fixture.clock.advance(1);
        fixture.acquire(spread(name), once(1000));
    }
    // A thousand slots are in use; the others are dropped, except those that the sweep has not reached yet.
    assert!(fixture.slots() < 2500, "{} slots", fixture.slots());
}

#[test]
fn l1_threads_together_never_take_more_than_the_limit() {
    let fixture = Fixture::new();
    let request =
        Request { limit: Limit::new(1000, 60_000).unwrap(), shorter: &[], cost: 1, keep_ms: 60_000 };
    let admitted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    admitted.fetch_add(usize::from(fixture.acquire(3, request).admitted), SeqCst);
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 1000);
}

#[test]
fn invalid_bytes_are_an_error_that_says_which_folder_to_remove() {
    let fixture = Fixture::new();
    fixture.acquire(1, once(1000));
    let garbage = |open: &mut Open| {
        open.environment.change(|slots, transaction| {
            slots.put(transaction, &SlotName::from(1).to_bytes(), b"garbage")?;
            Ok(Ok::<_, ()>(()))
        })
    };
    fixture.counters.file.with_open(garbage).unwrap().unwrap();
    let segment = fixture.shared.open().unwrap().unwrap();
    let error = fixture.counters.acquire(segment, SlotName::from(1), &once(1000), true).unwrap_err();
    assert_eq!(error.code(), "service_unavailable");
    assert!(
        error.message().contains("gatekeeper.db-shared") && error.message().contains("remove"),
        "{error}"
    );
}
