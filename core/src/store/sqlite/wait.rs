//! How a connection waits for a lock that another process holds: as long as the call may wait, in its short steps.

use rusqlite::{Connection, Result};

use crate::deadline;

/// How many steps writers wait for their turn, about a second: the turn is for fairness alone.
const TURN_STEPS: i32 = 1800;

/// Lets the connection wait.
pub(super) fn wait_for_locks(connection: &mut Connection) -> Result<()> {
    connection.busy_handler(Some(deadline::wait))
}

/// Lets what meets a lock fail at once.
pub(super) fn do_not_wait(connection: &mut Connection) -> Result<()> {
    connection.busy_handler(None::<fn(i32) -> bool>)
}

/// Waits a step for the turn to write; whether to try again.
pub(super) fn wait_for_turn(steps: i32) -> bool {
    steps < TURN_STEPS && deadline::wait(steps)
}
