//! One endpoint under several definitions at once, as in a rolling deployment.

use std::time::{Duration, Instant};

use gatekeeper::blocking::{Gatekeeper, Verifier};
use gatekeeper::key_manager::{AddRoles, CreateKey};
use gatekeeper::{Clock, Endpoint, Endpoints, Limit, ManualClock, Options};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn endpoint(max_req: u32, duration_ms: u64) -> Endpoint {
    Endpoint::new(Limit::new(max_req, duration_ms).unwrap())
}

fn verifier(gatekeeper: &Gatekeeper, endpoint: Endpoint) -> Verifier {
    gatekeeper.verifier(Endpoints::new().define("GET", endpoint)).unwrap()
}

fn is_admitted(verifier: &Verifier, key: &str) -> bool {
    verifier.verify::<&str>(key, "GET", &[]).unwrap().ok()
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a stopwatch")]
fn two_key_managers_with_different_definitions_on_one_file_never_admit_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatekeeper.db");
    let open = || Gatekeeper::open(path.to_str().unwrap()).unwrap();
    let (old, new) = (open(), open());
    let key = old.call(CreateKey::new("user")).unwrap().api_key;
    let (slow, fast) = (verifier(&old, endpoint(10, 3000)), verifier(&new, endpoint(6, 100)));
    let mut admitted: Vec<(Instant, Instant)> = Vec::new();
    let mut by_slow = 0;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2900) {
        for (verifier, most, duration) in [(&slow, 10, 3000), (&fast, 6, 100)] {
            let before = Instant::now();
            if !is_admitted(verifier, key.expose()) {
                continue;
            }
            let after = Instant::now();
            admitted.push((before, after));
            by_slow += usize::from(most == 10);
            // Requests that started and ended within the duration were certainly admitted within it. One millisecond is
            // the clock's resolution.
            let inside =
                |(started, _): &&(Instant, Instant)| after - *started < Duration::from_millis(duration - 1);
            let inside = admitted.iter().filter(inside).count();
            assert!(inside <= most, "{inside} of {most} admitted in {duration} ms");
        }
    }
    // The longer limit admits nothing while the shorter one uses it up.
    assert!(by_slow <= 10 && admitted.len() > 30, "{by_slow} of {}", admitted.len());
}

#[test]
fn a_key_that_is_upgraded_after_three_days_is_not_locked_out() {
    let clock = ManualClock::new();
    let mut options = Options::default();
    options.clock = Clock::Manual(clock.clone());
    let gatekeeper = Gatekeeper::open_with("memory:", options).unwrap();
    let created = gatekeeper.call(CreateKey::new("user")).unwrap();
    let verifier =
        verifier(&gatekeeper, endpoint(100, MINUTE).role("PRO", Limit::new(2000, DAY).unwrap()).unwrap());
    let ask_each_minute = |minutes| {
        (0..minutes).filter(|_| {
            clock.advance(MINUTE);
            is_admitted(&verifier, created.api_key.expose())
        })
    };
    assert_eq!(ask_each_minute(3 * 24 * 60).count(), 3 * 24 * 60);
    let roles = vec!["PRO".to_owned()];
    gatekeeper.call(AddRoles { id: created.id.into(), roles }).unwrap();
    assert_eq!(ask_each_minute(24 * 60).count(), 24 * 60);
}
