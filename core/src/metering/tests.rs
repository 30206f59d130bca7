//! Usage recorded while the process forks.

#![allow(unsafe_code, reason = "fork(2) and waitpid(2)")]

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::{env, thread};

use super::Period;
use crate::TenantId;
use crate::blocking::Gatekeeper;
use crate::usage::{RecordUsage, SummarizeUsage, UsageInput};

const CHILDREN: i64 = 20;
const EACH: i64 = 5;

fn record(gatekeeper: &Gatekeeper, tenant: TenantId) -> bool {
    gatekeeper.call(RecordUsage(UsageInput::new(tenant, "s", "a"))).is_ok()
}

/// Whether a forked child can record and ends within a minute.
fn child_records(gatekeeper: &Gatekeeper, tenant: TenantId) -> bool {
    // SAFETY: the child calls only this crate, which supports forks, and ends without running destructors.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: kills the child if it hangs.
        unsafe { libc::alarm(60) };
        let recorded = (0..EACH).all(|_| record(gatekeeper, tenant));
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(!recorded)) };
    }
    let mut status = -1;
    // SAFETY: the child is ours, and the status outlives the call.
    let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
    ended == child && status == 0
}

#[test]
fn a_fork_while_threads_record_loses_no_event_on_either_side() {
    const ALONE: &str = "GATEKEEPER_TEST_ALONE";
    if env::var_os(ALONE).is_none() {
        // In a separate process: a child would inherit locks of other tests that no fork handler knows of.
        let name = "metering::tests::a_fork_while_threads_record_loses_no_event_on_either_side";
        let mut alone = Command::new(env::current_exe().unwrap());
        let done = alone.args(["--exact", name]).env(ALONE, "").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let gatekeeper = Gatekeeper::open(folder.path().join("gatekeeper.db").to_str().unwrap()).unwrap();
    let tenant = gatekeeper.create_root_key("Acme Inc").unwrap().tenant_id;
    let (over, recorded) = (AtomicBool::new(false), AtomicI64::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    assert!(record(&gatekeeper, tenant));
                    recorded.fetch_add(1, SeqCst);
                }
            });
        }
        let children = (0..CHILDREN).all(|_| child_records(&gatekeeper, tenant));
        over.store(true, SeqCst);
        assert!(children, "a child hung or could not record");
    });
    let summary = gatekeeper.call(SummarizeUsage { tenant_id: tenant, period: Period::Month }).unwrap();
    assert_eq!(summary.event_count, recorded.load(SeqCst) + CHILDREN * EACH);
}
