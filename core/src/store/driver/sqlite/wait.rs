//! How a connection waits for a lock of another process: in short steps, until the deadline of the call.

use rusqlite::{Connection, Result};

use crate::deadline;

/// The number of steps for which a writer waits for its turn, about a second. The queue serves fairness only.
const TURN_STEPS: i32 = 1800;

/// Makes the connection wait for locks.
pub(super) fn wait_for_locks(connection: &mut Connection) -> Result<()> {
    connection.busy_handler(Some(deadline::wait))
}

/// Makes statements that meet a lock fail at once.
pub(super) fn do_not_wait(connection: &mut Connection) -> Result<()> {
    connection.busy_handler(None::<fn(i32) -> bool>)
}

/// Waits one step for the turn to write. Returns whether to try again.
pub(super) fn wait_for_turn(steps: i32) -> bool {
    steps < TURN_STEPS && deadline::wait(steps)
}
