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
        let first = engine.view(Io::Allowed).unwrap().unwrap();
        assert!(engine.touch(&keys[0], first, Io::Allowed), "I/O is allowed, so the files are opened");
        for _ in 0..3 {
            // After more than a minute, each use is recorded again.
            clock.advance(61_000);
            let view = engine.view(Io::Forbidden).unwrap().unwrap();
            let mut with_io = 0;
            for key in &keys {
                if !engine.touch(key, view, Io::Forbidden) {
                    with_io += 1;
                    assert!(engine.touch(key, view, Io::Allowed));
                }
            }
            assert!(with_io <= 1, "{with_io}");
        }
    }
}
