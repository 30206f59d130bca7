//! How a connection waits for a lock that another process holds: in short steps, so that each of several writers comes
//! to its turn. SQLite's own handler sleeps longer and longer, and lets one writer starve the others for seconds.

use std::thread::{sleep, yield_now};
use std::time::Duration;

use rusqlite::{Connection, Result};

/// How long a connection waits before it gives up; timed by counting steps, so that it is about this long.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

const SHORT: Duration = Duration::from_micros(100);
const LONG: Duration = Duration::from_millis(1);
const YIELDS: i32 = 50;
const SHORT_STEPS: i32 = 1000;
const LONG_STEPS: i32 = 4500;
const TURN_STEPS: i32 = SHORT_STEPS + 800;

/// Lets the connection wait.
pub(super) fn wait_for_locks(connection: &mut Connection) -> Result<()> {
    connection.busy_handler(Some(wait))
}

/// Lets what meets a lock fail at once.
pub(super) fn do_not_wait(connection: &mut Connection) -> Result<()> {
    connection.busy_handler(None::<fn(i32) -> bool>)
}

/// Waits a step for the turn to write; whether to try again. Gives up after a second: the turn is for fairness alone.
pub(super) fn wait_for_turn(steps: i32) -> bool {
    wait(steps) && steps < TURN_STEPS
}

/// Waits a step; whether to try again.
fn wait(steps: i32) -> bool {
    if steps < YIELDS {
        yield_now();
    } else {
        sleep(if steps < SHORT_STEPS { SHORT } else { LONG });
    }
    steps < SHORT_STEPS + LONG_STEPS
}
