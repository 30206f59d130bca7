use super::super::cache::tests::key;
use super::*;
use crate::clock::ManualClock;

#[test]
fn recording_last_uses_makes_at_most_one_call_a_second_do_io() {
    let folder = tempfile::tempdir().unwrap();
    // More than the buffer holds.
    let keys: Vec<_> = (0..70_000).map(|number| key(number, 0)).collect();
    for store in [Store::in_memory().unwrap(), Store::on_file(folder.path().join("gatekeeper.db"))] {
        let clock = ManualClock::new();
        let sizes = CacheSizes { known: 10, unknown: 10 };
        let engine = Engine::open(Arc::new(store), Clock::Manual(clock.clone()), &sizes).unwrap();
        let first = engine.open_view().unwrap();
        engine.note_use_waiting(&keys[0], first);
        for _ in 0..3 {
            // After more than a minute, each use is recorded again.
            clock.advance(61_000);
            let view = engine.view().unwrap().unwrap();
            let mut with_io = 0;
            for key in &keys {
                if !engine.note_use(key, view) {
                    with_io += 1;
                    engine.note_use_waiting(key, view);
                    assert!(engine.note_use(key, view));
                }
            }
            assert!(with_io <= 1, "{with_io}");
        }
    }
}
