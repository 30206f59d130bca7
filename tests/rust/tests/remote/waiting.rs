//! Pending calls: under any executor, in any number, and no longer than their caller waits.

use std::time::{Duration, Instant};

use gatekeeper::Secret;
use gatekeeper::auth::{Me, Signup};
use tokio::runtime::Builder;

use crate::fake::{Act, Fake, data};
use crate::serving::Serving;

const USER: &str = r#"{"id":"usr_00000000000000000000000000","email":"a@b.c","emailVerified":false,"name":null,"createdAt":1}"#;

#[test]
fn a_call_works_under_every_executor_and_a_blocking_call_inside_of_one() {
    let serving = Serving::in_memory();
    let gatekeeper = serving.remote();
    let call = |number: u32| {
        let gatekeeper = gatekeeper.asynchronous();
        let email = format!("ada{number}@example.com");
        async move {
            gatekeeper.call(Signup { email, password: Secret::new("a long password"), name: None }).await
        }
    };
    pollster::block_on(call(0)).unwrap();
    let current = Builder::new_current_thread().build().unwrap();
    current.block_on(call(1)).unwrap();
    current.block_on(async { gatekeeper.call(Me {}).unwrap_err() });
    let threads = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    threads.block_on(async {
        let calls: Vec<_> = (2..6).map(|number| tokio::spawn(call(number))).collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        gatekeeper.call(Me {}).unwrap_err();
    });
    // The executor in which a call starts may end before the call.
    drop((current, threads));
    pollster::block_on(call(6)).unwrap();
}

#[test]
fn one_connection_is_reused() {
    let fake = Fake::new(vec![Act::Respond(data(USER))]);
    let client = fake.client();
    for _ in 0..20 {
        client.call(Me {}).unwrap();
    }
    assert_eq!((fake.requests().len(), fake.connections()), (20, 1));
    // Another client of the same server shares it.
    fake.client().call(Me {}).unwrap();
    assert_eq!(fake.connections(), 1);
}

#[test]
fn a_call_whose_future_is_dropped_closes_its_request() {
    let fake = Fake::new(vec![Act::Hang]);
    let client = fake.client_with(|options| options.timeout = Duration::from_secs(60)).asynchronous();
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let waited = tokio::time::timeout(Duration::from_millis(200), client.call(Me {})).await;
        assert!(waited.is_err());
    });
    let began = Instant::now();
    while fake.requests().last().is_none_or(|last| last != "given up") {
        assert!(began.elapsed() < Duration::from_secs(10), "the connection stays open");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn many_calls_wait_at_once_without_a_thread_for_each() {
    let fake = Fake::new(vec![Act::Hang]);
    let client = fake.client_with(|options| options.timeout = Duration::from_millis(500)).asynchronous();
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        client.call(Me {}).await.unwrap_err();
        let before = threads();
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.call(Me {}).await.unwrap_err().code() })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), "timeout");
        }
        // The fake server has a thread for each connection; the client has none.
        assert!(threads() <= before + 110);
    });
}
