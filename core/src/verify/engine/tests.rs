use super::super::cache::tests::key;
use super::*;
use crate::clock::ManualClock;

#[test]
fn however_many_keys_are_in_use_to_note_that_sends_one_call_a_second_to_where_it_may_wait() {
    let folder = tempfile::tempdir().unwrap();
    // More than wait to be moved at once.
    let keys: Vec<_> = (0..70_000).map(|number| key(number, 0)).collect();
    for store in [Store::in_memory().unwrap(), Store::on_file(folder.path().join("gatekeeper.db"))] {
        let clock = ManualClock::new();
        let sizes = CacheSizes { known: 10, unknown: 10 };
        let engine = Engine::open(Arc::new(store), Clock::Manual(clock.clone()), &sizes).unwrap();
        let first = engine.view(Io::Allowed).unwrap().unwrap();
        assert!(engine.touch(&keys[0], first, Io::Allowed), "it opens what it needs");
        for _ in 0..3 {
            // From then on every use is news.
            clock.advance(61_000);
            let view = engine.view(Io::Forbidden).unwrap().unwrap();
            let mut waited = 0;
            for key in &keys {
                if !engine.touch(key, view, Io::Forbidden) {
                    waited += 1;
                    assert!(engine.touch(key, view, Io::Allowed));
                }
            }
            assert!(waited <= 1, "{waited}");
        }
    }
}
