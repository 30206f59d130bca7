//! An operation that has begun.

use std::fmt;

use crate::authz::Context;
use crate::error::Result;
use crate::verify::{Need, Step, Verdict};

/// An operation that has begun: it has a result, or the rest of it may wait for the disk.
#[must_use]
pub enum Begun<T> {
    /// The result.
    Done(T),
    /// The rest of the work, to be called where it may wait.
    Waits(Rest<T>),
}

/// The rest of an operation.
type Rest<T> = Box<dyn FnOnce(&Context<'_>) -> Result<T> + Send>;

impl<T: 'static> Begun<T> {
    /// An operation whose rest may wait.
    pub(crate) fn waits(rest: impl FnOnce(&Context<'_>) -> Result<T> + Send + 'static) -> Self {
        Self::Waits(Box::new(rest))
    }

    /// A verification after this step. `finish` supplies what it needs, `show` makes the result of the verdict.
    pub(crate) fn verification(
        context: &Context<'_>,
        step: Step,
        finish: impl FnOnce(&Context<'_>, Need) -> Result<Verdict> + Send + 'static,
        show: fn(&Context<'_>, Verdict) -> Result<T>,
    ) -> Result<Self> {
        match step {
            Step::Done(verdict) => show(context, verdict).map(Self::Done),
            Step::Need(need) => Ok(Self::waits(move |context| show(context, finish(context, need)?))),
        }
    }

    /// The result, waiting for the disk on this thread if necessary.
    pub(crate) fn finish(self, context: &Context<'_>) -> Result<T> {
        match self {
            Self::Done(output) => Ok(output),
            Self::Waits(rest) => rest(context),
        }
    }
}

impl<T> fmt::Debug for Begun<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "Done",
            Self::Waits(_) => "Waits",
        })
    }
}
