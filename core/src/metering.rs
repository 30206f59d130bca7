//! Metering: usage is counted in UTC calendar periods, recorded durably, and checked against quotas.

mod ledger;
mod period;
mod queue;
mod quota;
mod recorder;
mod retention;

pub(crate) use ledger::Ledger;
pub use period::Period;
pub use quota::{QuotaCheck, QuotaLevel};
pub(crate) use recorder::{Asked, Idempotency, OpenRecorder, Recorded, Recorder, Usage};
pub(crate) use retention::{Retention, RetentionDays, trusted_time};

#[cfg(test)]
mod tests;
