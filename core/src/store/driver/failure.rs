//! The reasons why a statement or a transaction fails, the same for all engines.

use std::fmt;

use super::Error;
use crate::deadline::GaveUp;
use crate::error::GatekeeperError;

/// What usually keeps a database locked, for the message.
const HOLDER: &str = "transaction";

/// The reason why a statement or a transaction failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of the engine.
    Engine(Error),
    /// A column has a value of another type than its own.
    Unreadable(Unreadable),
    /// The call has reached its deadline.
    GaveUp,
    /// Another transaction has changed what this one read. This one is rolled back.
    Overtaken,
    /// The transaction itself failed with this error, and was rolled back.
    Rejected(GatekeeperError),
}

/// A column that has a value of another type than its own.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// Its index in the result, from 0.
    column: usize,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} of a result has an unexpected type", self.column)
    }
}

impl std::error::Error for Unreadable {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<GatekeeperError> for Failure {
    fn from(error: GatekeeperError) -> Self {
        Self::Rejected(error)
    }
}

impl From<GaveUp> for Failure {
    fn from(_: GaveUp) -> Self {
        Self::GaveUp
    }
}

impl Failure {
    pub(super) fn unreadable(column: usize) -> Self {
        Self::Unreadable(Unreadable { column })
    }

    /// Whether another connection holds a lock.
    pub(super) fn is_busy(&self) -> bool {
        match self {
            Self::GaveUp => true,
            Self::Engine(error) => error.is_busy(),
            _ => false,
        }
    }

    /// The error for the caller. `database` names the database in messages; `explain_error` explains an error of the engine.
    pub(super) fn explain(
        self,
        database: &str,
        explain_error: impl FnOnce(Error) -> GatekeeperError,
    ) -> GatekeeperError {
        match self {
            Self::Rejected(error) => error,
            Self::GaveUp => GaveUp::explain(database, HOLDER),
            Self::Overtaken => GatekeeperError::unavailable(format!(
                "{database}: another process changed the same records at the same time, and nothing was written: try again"
            )),
            Self::Unreadable(cause) => GatekeeperError::unavailable(format!(
                "{database} cannot be used now: see the cause of this error"
            ))
            .caused_by(cause),
            Self::Engine(error) if error.is_locked() => GaveUp::explain(database, HOLDER).caused_by(error),
            Self::Engine(error) => explain_error(error),
        }
    }
}
